/** `gtr corrections`: a run's judged thoughts. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { exportJudgedThoughts, type JudgedThought, judgedThoughts } from '../core/report/judged-thoughts.ts';
import { readRun } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';

type Options = { iteration?: number; outcome?: string; by?: string; limit: number; json?: boolean; out?: string };

export function register(program: Command): void {
  program
    .command('corrections <run>')
    .description("list or export the judged thoughts of a run's whole iterations")
    .option('--iteration <n>', 'only this iteration, counted from 1', whole)
    .addOption(
      new Option('--outcome <outcome>', 'only this outcome').choices([
        'correct',
        'corrected',
        'noSolution',
        'unusable',
      ]),
    )
    .addOption(
      new Option('--by <who>', 'only those judged by the teacher, the ledger or the exact solver').choices([
        'teacher',
        'ledger',
        'solver',
      ]),
    )
    .option('--limit <n>', 'thoughts shown', whole, 50)
    .option('--json', 'all of them, one JSON object per line')
    .option('--out <folder>', 'write all of them as corrections.jsonl with their pictures')
    .action(async (run: string, { iteration, outcome, by, limit, json, out }: Options) => {
      const { config, store, records } = await withClientIfAny((client) => readRun(client, run));
      const thoughts = judgedThoughts(store, records.iterations, {
        iteration: iteration === undefined ? undefined : iteration - 1,
        outcome,
        by,
      });
      if (out !== undefined) {
        const written = await exportJudgedThoughts(path.resolve(out), config, thoughts);
        return void process.stdout.write(`${written} thoughts in ${path.resolve(out, 'corrections.jsonl')}\n`);
      }
      let count = 0;
      for await (const thought of thoughts)
        if (++count <= limit || json)
          process.stdout.write(json ? `${JSON.stringify(thought)}\n` : thoughtLines(thought));
      if (!json)
        process.stdout.write(
          `${count} judged thoughts${count > limit ? `, ${limit} shown; --limit, --json or --out show more` : ''}\n`,
        );
    });
}

/** A thought as text. */
function thoughtLines({
  iteration,
  wave,
  slot,
  step,
  outcome,
  by,
  reason,
  target,
  thought,
  action,
  correction,
  advised,
  answer,
}: JudgedThought): string {
  const paid =
    answer === null
      ? ''
      : `, ${answer.requests} requests, ${answer.tokensIn + answer.tokensOut} tokens, ` +
        `${answer.costUsd === null ? 'cost unknown' : `$${answer.costUsd.toFixed(4)}`}, ` +
        `${answer.seconds.toFixed(1)} s`;
  return [
    `iteration ${iteration + 1} wave ${wave} episode ${slot} step ${step}: ` +
      `${outcome}${reason === null ? '' : ` (${reason})`} by ` +
      `${by}${paid}${target === null ? '' : `, target ${target}`}`,
    `  thought     ${JSON.stringify(thought)} -> ${action}`,
    ...(correction === null ? [] : [`  correction  ${JSON.stringify(correction)} -> ${advised}`]),
    '',
  ].join('\n');
}

function whole(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('must be a whole number, 1 or more.');
  return Number(text);
}
