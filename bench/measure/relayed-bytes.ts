/** What a signaling server has relayed so far by a tier, in bytes, by its metrics; 0 for tiers that are not relayed. */
export async function relayedBytes(metricsUrl: string, tier: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  const line = new RegExp(`^peerweave_relayed_bytes_total\\{[^}]*tier="${tier}"[^}]*\\} (\\S+)$`, 'm').exec(text);
  return Number(line?.[1] ?? 0);
}
