import { afterAll, beforeAll, expect, test } from 'vitest';
import { DisposableStore } from '../../extension/src/shared/disposable.ts';
import { describeInLab } from './lab/describe-in-lab.ts';
import { Lab } from './lab/lab.ts';
import { NAT_KINDS, NAT_NAMES, type NatName } from './lab/nat-kinds.ts';
import { observe, type Behaviour } from './probe/behaviour.ts';
import { Observer } from './probe/observer.ts';

/** The laboratory before the product: what each kind of home lets through, seen from both sides. */

const open: Behaviour = {
  mapping: 'none',
  filtering: 'endpoint-independent',
  unsolicited: true,
  tcpOut: [80, 443, 3478],
  tcpIn: true,
};
const router: Behaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  unsolicited: false,
  tcpOut: [80, 443, 3478],
  tcpIn: false,
};
const noUdp: Behaviour = { ...router, mapping: 'blocked', filtering: 'blocked' };

const EXPECTED: Record<NatName, Behaviour> = {
  none: open,
  'full-cone': { ...router, filtering: 'endpoint-independent' },
  'port-restricted': router,
  symmetric: { ...router, mapping: 'address-and-port-dependent' },
  double: router,
  'udp-blocked': noUdp,
  'only-443': { ...noUdp, tcpOut: [443] },
  'ipv6-only': { ...router, mapping: 'none' },
};

const store = new DisposableStore();
let lab: Lab;
let observer: Observer;

beforeAll(async () => {
  lab = store.add(new Lab());
  observer = store.add(await Observer.start(lab));
});
afterAll(() => store.dispose());

describeInLab.each(NAT_NAMES.flatMap((name) => NAT_KINDS[name].families.map((family) => ({ name, family }))))(
  '$name over $family',
  ({ name, family }) => {
    test('[RFC 4787] maps and filters as its kind is said to', async () => {
      const home = lab.home(name);
      expect(await observe(observer, home, family)).toEqual(EXPECTED[name]);
      home.changeAddress();
      expect(await observe(observer, home, family)).toEqual(EXPECTED[name]);
    });
  },
);
