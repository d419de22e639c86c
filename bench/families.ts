/**
 * GTR on a small model of each family: `gtr sft` from new random weights on NumberLine, then GTR on what it wrote.
 * Fails unless success rises beyond the 95 % intervals. Resumable: what is done is not done again.
 *
 * npm run bench -- families [--only smolvlm,qwen2_5-vl,qwen3-vl]
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../cli/config-file.ts';
import { runConfigSchema, sftConfigSchema } from '../configs/schema.ts';
import type { SuccessRate } from '../core/learner/evaluation-part.ts';
import { percent } from '../core/report/number-format.ts';
import { gtrHome } from '../workers/installation.ts';
import type { sft } from '../workflows/sft.ts';
import type { train } from '../workflows/train.ts';
import { resultOf, say, withInstallation } from './study/run-study.ts';

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: 'smolvlm,qwen2_5-vl,qwen3-vl' } },
});
const interval = ({ success, low, high, episodes }: SuccessRate) =>
  `${percent(success)} (${percent(low)} to ${percent(high)}) of ${episodes}`;

await withInstallation(async (client) => {
  for (const family of options.only.split(',')) {
    const base = path.join(gtrHome(), 'families', family);
    const demonstrated = readConfig(sftConfigSchema, `sft-numberline-${family}`, []);
    await resultOf<typeof sft>(client, 'sft', `families/${family}/sft`, { config: demonstrated, out: base });
    const id = `families/${family}/gtr`;
    const config = readConfig(runConfigSchema, 'numberline-tiny', [`model.base=${base}`]);
    const { policy, evaluation } = await resultOf<typeof train>(client, 'train', id, config);
    const { start, final } = evaluation;
    if (start === null || final === null) throw new Error(`${id} was not evaluated`);
    const rises = final.low > start.high;
    say(
      `${family}: after gtr sft ${interval(start)}, after GTR ${interval(final)}: ` +
        `${rises ? 'rises beyond the intervals' : 'DOES NOT RISE beyond the intervals'}, ` +
        `policy ${policy.sha256.slice(0, 12)}`,
    );
    if (!rises) process.exitCode = 1;
  }
});
