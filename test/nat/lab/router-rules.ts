/** How a router treats what passes it, in the terms of RFC 4787. IPv6 is filtered and not translated. */
export interface RouterRules {
  /**
   * The port that the outside sees: `kept` is the inner one, for every destination (endpoint-independent mapping); `random` is
   * another one for each destination (address and port-dependent mapping).
   */
  readonly ports: 'kept' | 'random';
  /** Who may send to a mapped UDP port: only who was written to from it, or anyone (endpoint-independent filtering). */
  readonly admits: 'answers' | 'anyone';
  /** What may leave. The rest vanishes without an answer. */
  readonly passes: 'all' | 'tcp' | 'tcp-443';
}

const PASSES: Readonly<Record<RouterRules['passes'], string>> = {
  all: 'accept',
  tcp: 'meta l4proto { tcp, icmp, ipv6-icmp } accept',
  'tcp-443': 'tcp dport 443 accept',
};

/**
 * The ruleset of a router between `lan` and `wan` with one machine, `inner`, behind it. Without rules of its own, Linux keeps a
 * port where it is free, and lets in only answers to the very endpoint that was written to. A packet from outside that matches
 * nothing is dropped before it leaves a trace: otherwise it would occupy the mapping that our own next packet to its sender needs.
 */
export function routerRuleset({ ports, admits, passes }: RouterRules, inner: string): string {
  const open = admits === 'anyone';
  return `
    flush ruleset
    table inet router {
      set mapped { type inet_service; flags dynamic,timeout; timeout 2m; }
      chain prerouting {
        type nat hook prerouting priority dstnat;
        ${open ? `iifname "wan" udp dport @mapped dnat ip to ${inner}` : ''}
      }
      chain postrouting {
        type nat hook postrouting priority srcnat;
        oifname "wan" meta nfproto ipv4 masquerade ${ports === 'random' ? 'fully-random' : ''}
      }
      chain input {
        type filter hook input priority filter; policy drop;
        iifname { "lo", "lan" } accept
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
      }
      chain forward {
        type filter hook forward priority filter; policy drop;
        ${open ? 'iifname "lan" meta l4proto udp update @mapped { udp sport }' : ''}
        ct state invalid drop
        ct state established,related accept
        ct status dnat accept
        iifname "lan" ${PASSES[passes]}
      }
    }`;
}
