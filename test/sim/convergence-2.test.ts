import { describeSeeds } from './play-seeds.ts';

describeSeeds(1, 2);
