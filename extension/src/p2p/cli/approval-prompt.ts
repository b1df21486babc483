import type { ApprovalView } from '../../rpc/model.ts';
import type { Disposable } from '../../shared/disposable.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Decision } from '../session/gatekeeper.ts';
import { plain } from './output.ts';

/** What the prompt needs of a session. */
export interface Approvals {
  readonly onChange: (listener: () => void) => Disposable;
  view(): { readonly approvals: readonly ApprovalView[] };
  decide(id: string, decision: Decision): void;
}

/** Resolves to what the person types; rejects when the signal fires or the terminal is closed. */
export type Ask = (question: string, signal: AbortSignal) => Promise<string>;

const DECISIONS: Readonly<Record<string, Decision>> = { a: 'allow', r: 'remember' };

/**
 * Asks about each guest that waits, one after another (SE4). A question about a guest that is gone, or was answered elsewhere, is
 * withdrawn. Whatever is not a clear yes is a no.
 */
export function promptForApprovals(session: Approvals, ask: Ask, say: (line: string) => void): void {
  const asked = new Set<string>();
  let open: { readonly id: string; readonly withdraw: () => void } | undefined;

  const next = (): void => {
    const { approvals } = session.view();
    if (open !== undefined) {
      if (!approvals.some(({ id }) => id === open?.id)) open.withdraw();
      return;
    }
    const guest = approvals.find(({ id }) => !asked.has(id));
    if (guest === undefined) return;
    asked.add(guest.id);
    const withdrawal = new AbortController();
    open = { id: guest.id, withdraw: () => withdrawal.abort() };
    void answer(guest, withdrawal.signal).finally(() => {
      open = undefined;
      next();
    });
  };

  const answer = async ({ id, name, fingerprint, remote }: ApprovalView, signal: AbortSignal): Promise<void> => {
    const who = `${plain(name)} (${fingerprint}, from ${plain(remote)})`;
    try {
      const reply = await ask(`${who} wants to join. [a]llow, allow and [r]emember, re[f]use? `, signal);
      session.decide(id, DECISIONS[reply.trim().toLowerCase()[0] ?? ''] ?? 'refuse');
    } catch (error) {
      say(signal.aborted ? `${who} does not wait any more.` : messageOf(error));
    }
  };

  session.onChange(next);
  next();
}
