import { setFlagsFromString } from 'node:v8';

/**
 * Imported for its effect, first of all by each way to run an engine. Buffers that pass through count against V8's limits though they lie
 * outside its heap, and ours is small (11 MB): by default it collected all of it for every few megabytes that a transfer moved, on
 * every core. Letting it grow to five times its size in between takes a third off an engine's CPU time in a join (1.8 to 1.1 s
 * serving 166 MB, 2.2 to 1.4 s receiving them) for 5 to 15 MB of memory.
 */
setFlagsFromString('--heap-growing-percent=400');
