import { describe } from 'vitest';
import { whyNoLab } from './permission.ts';

const why = whyNoLab();
if (why !== undefined) console.warn(`The NAT laboratory is skipped: ${why}.`);

/** `describe` where a laboratory can be built; elsewhere its tests are reported as skipped. */
export const describeInLab: typeof describe.skip = describe.skipIf(why !== undefined);
