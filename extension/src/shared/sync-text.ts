/** How far a peer is with us, as people are told everywhere: `in sync`, or `2 branches diverged, the rest in sync`. */
export function syncText(peer: { readonly inSync: boolean; readonly diverged: number }): string {
  const rest = peer.inSync ? 'in sync' : 'not in sync yet';
  return peer.diverged === 0 ? rest : `${divergedText(peer.diverged)}, the rest ${rest}`;
}

/** `1 branch diverged`. */
export const divergedText = (branches: number): string =>
  `${branches} ${branches === 1 ? 'branch' : 'branches'} diverged`;
