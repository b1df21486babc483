import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { promptForApprovals } from '../../../extension/src/p2p/cli/approval-prompt.ts';
import type { ApprovalView } from '../../../extension/src/rpc/model.ts';
import { Emitter } from '../../../extension/src/shared/events.ts';
import { fingerprint } from '../../support/session-views.ts';

let changes: Emitter<void>;
let approvals: ApprovalView[];
let decided: string[];
let questions: { text: string; reply: (text: string) => void; fail: (error: Error) => void; withdrawn: boolean }[];
let said: string[];

const guest = (name: string): ApprovalView => ({
  id: name,
  name,
  fingerprint: fingerprint('b'),
  remote: '192.0.2.7:1',
  expiresAt: 0,
});
async function come(...names: string[]): Promise<void> {
  approvals = names.map(guest);
  changes.fire();
  await turn();
}

beforeEach(() => {
  changes = new Emitter();
  [approvals, decided, questions, said] = [[], [], [], []];
  const session = {
    onChange: changes.event,
    view: () => ({ approvals }),
    decide: (id: string, decision: string) => {
      if (!approvals.some((each) => each.id === id)) throw new Error('answered already');
      decided.push(`${id} ${decision}`);
      approvals = approvals.filter((each) => each.id !== id);
    },
  };
  promptForApprovals(
    session,
    (text, signal) =>
      new Promise((reply, fail) => {
        const question = { text, reply, fail, withdrawn: false };
        signal.addEventListener('abort', () => {
          question.withdrawn = true;
          fail(new Error('aborted'));
        });
        questions.push(question);
      }),
    (line) => said.push(line),
  );
});

describe('[SE4] a host without an editor', () => {
  it('is asked about every guest, one after the other', async () => {
    await come('Bob', 'Carol', 'Dave');
    expect(questions).toHaveLength(1);
    for (const reply of ['a', 'R', '']) {
      questions.at(-1)!.reply(reply);
      await turn();
    }
    expect(decided).toEqual(['Bob allow', 'Carol remember', 'Dave refuse']);
    expect(questions).toHaveLength(3);
  });

  it('is not asked any more about one who is gone', async () => {
    await come('Bob');
    await come('Carol');
    expect(questions[0]!.withdrawn).toBe(true);
    expect(said).toHaveLength(1);
    questions[1]!.reply('a');
    await turn();
    expect(decided).toEqual(['Carol allow']);
  });

  it('[ED5] sees no control characters of the guest’s', async () => {
    await come('Bob\u001b[2J\u202e');
    expect(questions[0]!.text).not.toMatch(/[\u001b\u202e]/);
  });

  it('goes on when an answer comes too late or the terminal is closed', async () => {
    await come('Bob');
    approvals = [guest('Carol')];
    questions[0]!.reply('a');
    await turn();
    questions[1]!.fail(new Error('closed'));
    await turn();
    expect(said).toEqual(['answered already', 'closed']);
    expect(decided).toEqual([]);
  });
});
