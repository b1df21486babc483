import { messageOf } from '../../../extension/src/shared/errors.ts';
import { Namespace } from './namespace.ts';

/**
 * Why a laboratory cannot be built here, in words for people; undefined when it can. Finds out by doing: builds a small one, with
 * everything that the real one asks of the kernel.
 */
export function whyNoLab(): string | undefined {
  if (process.platform !== 'linux') return `network namespaces are a thing of Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'network namespaces need root, and this is an ordinary user';
  let one: Namespace | undefined;
  let other: Namespace | undefined;
  try {
    one = new Namespace('probe-a');
    other = new Namespace('probe-b');
    one.ip(`link add wan type veth peer name lan netns ${other.name}`, 'address add 192.0.2.1/32 dev wan');
    one.nft(`
      table inet probe {
        chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade fully-random; }
        chain in { type filter hook prerouting priority raw; fib saddr . iif oif missing drop; }
        chain pass { type filter hook forward priority filter; numgen random mod 100 < 20 drop; }
      }`);
    one.run('tc', 'qdisc add dev wan root tbf rate 10mbit burst 64k latency 50ms'.split(' '));
    return undefined;
  } catch (error) {
    return `this machine does not let us build one: ${messageOf(error)}`;
  } finally {
    one?.dispose();
    other?.dispose();
  }
}
