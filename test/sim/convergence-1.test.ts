import { describeSeeds } from './play-seeds.ts';

describeSeeds(0, 2);
