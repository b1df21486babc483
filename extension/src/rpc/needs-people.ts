import type { ConflictView } from './model.ts';

/** True for what people have to settle: diverged, and no strategy is about to settle it. */
export const needsPeople = ({ kind, strategy, settling }: Situation): boolean =>
  kind === 'diverged' && (strategy === 'manual' || (settling !== undefined && settling !== 'under-way'));

type Situation = Pick<ConflictView, 'kind' | 'strategy'> & { readonly settling?: ConflictView['settling'] | undefined };
