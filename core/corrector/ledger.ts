/**
 * Every paid answer, durable in the store before it is used: no question is paid for twice, whatever dies or runs
 * again.
 */
import { sha256 } from '../artifacts/keyed-store.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { JsonState } from '../envs/env.ts';
import type { Thought, Verdict } from '../episodes/episode.ts';
import type { Answer, Usage } from './teacher.ts';

/** Everything that shapes an answer. */
export type Question = {
  /** The teacher's identity: model, prompt version, settings. */
  teacher: JsonState;
  /** Hash of the picture. */
  image: string;
  state: JsonState;
  thought: Thought;
  action: string;
  target: string | null;
};

/**
 * One answer of the provider. `paidBy`: the activity that paid for it; `at`: milliseconds since 1970; `seconds`: its
 * duration.
 */
export type PaidAnswer = { answer: Answer; usage: Usage; paidBy: string; at: number; seconds: number };

/** The entry of a question. `verdict` null: judging was interrupted, and continues after these answers. */
export type LedgerEntry = { question: Question; answers: PaidAnswer[]; verdict: Verdict | null };

/** Asks the teacher, continuing after the answers that are already paid for; `keep` makes a new one durable. */
export type Ask = (
  earlier: readonly Answer[],
  keep: (answer: Answer, usage: Usage) => Promise<void>,
) => Promise<Verdict>;

/** A question to an external model. `draw`: the same observation at another step is answered separately. */
export type Move = {
  player: JsonState;
  image: string;
  prompt: string;
  draw: { seed: number; episode: number; step: number };
  /** Earlier turns of the same conversation. */
  past?: readonly { prompt: string; image: string; answer: string }[];
};

/** An external model's move, in the ledger next to the judged thoughts. */
export type MoveEntry = { question: Move; answers: [PaidAnswer] };

/** Hash of the whole question; equal questions are one entry, in any run. */
export function ledgerKey(question: Question | Move): string {
  return sha256(Buffer.from(canonical(question)));
}

export class Ledger {
  readonly #store: ArtifactStore;
  /** Questions being asked by this process. */
  readonly #asking = new Map<string, Promise<LedgerEntry>>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  async find(key: string): Promise<LedgerEntry | undefined> {
    return await this.#store.getRecord<LedgerEntry>(recordName(key));
  }

  /**
   * The entry of a question with its verdict: found, or awaited if this process is already asking, or asked now on
   * behalf of `payer`. If the first asker fails, the waiting ones ask themselves.
   */
  async judge(question: Question, payer: string, ask: Ask): Promise<LedgerEntry> {
    const key = ledgerKey(question);
    for (let asking = this.#asking.get(key); asking !== undefined; asking = this.#asking.get(key)) {
      const entry = await asking.catch(() => null);
      if (entry !== null) return entry;
    }
    const asked = this.#ask(key, question, payer, ask).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return await asked;
  }

  /** The answer to a move: found, or asked now on behalf of `payer` and durable before it is given. */
  async move(question: Move, payer: string, ask: () => Promise<{ answer: Answer; usage: Usage }>): Promise<PaidAnswer> {
    const name = recordName(ledgerKey(question));
    const known = await this.#store.getRecord<MoveEntry>(name);
    if (known !== undefined) return known.answers[0];
    const began = Date.now();
    const { answer, usage } = await ask();
    const paid = { answer, usage, paidBy: payer, at: Date.now(), seconds: (Date.now() - began) / 1000 };
    await this.#store.putRecord(name, { question, answers: [paid] } satisfies MoveEntry);
    return paid;
  }

  async #ask(key: string, question: Question, payer: string, ask: Ask): Promise<LedgerEntry> {
    let entry: LedgerEntry = (await this.find(key)) ?? { question, answers: [], verdict: null };
    if (entry.verdict !== null) return entry;
    let last = Date.now();
    const verdict = await ask(
      entry.answers.map(({ answer }) => answer),
      async (answer, usage) => {
        const at = Date.now();
        entry = {
          ...entry,
          answers: [...entry.answers, { answer, usage, paidBy: payer, at, seconds: (at - last) / 1000 }],
        };
        await this.#store.putRecord(recordName(key), entry);
        last = Date.now();
      },
    );
    entry = { ...entry, verdict };
    await this.#store.putRecord(recordName(key), entry);
    return entry;
  }
}

function recordName(key: string): string {
  return `ledger/${key.slice(0, 2)}/${key}`;
}

/** JSON with keys in order, so that equal values are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
