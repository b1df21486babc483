import type { Times } from './ago.ts';

/** This moment, and dates as the person's computer writes them. */
export const nowForPeople = (): Times => ({ now: Date.now(), full: (unixMs) => new Date(unixMs).toLocaleString() });
