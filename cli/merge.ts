/** `gtr merge`: the TIES merge of a run's checkpoints, as a checkpoint. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { modelFolder } from '../configs/project-folder.ts';
import { factorDistance, writeMergedPolicies } from '../core/policy/checkpoint/merge-policies.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { mergeWeights } from '../core/policy/ties-merge.ts';
import { asParameters, startParameters, trainedParameters } from '../core/policy/trained-parameters.ts';
import { getTrained } from '../core/records/policy-state.ts';
import { UsageError } from './errors.ts';
import { readRun } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';

type Options = {
  iterations: [number, number];
  out: string;
  density: number;
  weights: 'uniform' | 'ema';
  alpha: number;
};

export function register(program: Command): void {
  program
    .command('merge <run>')
    .description("write the TIES merge of a run's checkpoints as a checkpoint")
    .requiredOption('--iterations <A-B>', 'the policies after iterations A to B', range)
    .requiredOption('--out <folder>', 'folder to write')
    .option('--density <share>', 'share of the elements of each change to keep', share, 0.8)
    .addOption(
      new Option('--weights <kind>', 'how the checkpoints count').choices(['uniform', 'ema']).default('uniform'),
    )
    .option('--alpha <share>', 'ema: how much each new checkpoint counts', share, 0.5)
    .action(async (run: string, options: Options) => {
      const out = path.resolve(options.out);
      const [first, last] = options.iterations;
      const { records, config, store } = await withClientIfAny((client) => readRun(client, run));
      const done = records.iterations.length;
      if (last > done)
        throw new UsageError(
          `--iterations ${first}-${last}: ${run} has ${done} whole iterations; ` +
            `${done > 0 ? `give a part of 1-${done}` : 'wait for the first'}.`,
        );
      const { model, seed } = config;
      const checkpoint = openCheckpoint(
        modelFolder(model.base),
        model.adapter === null ? null : modelFolder(model.adapter),
      );
      const chosen = records.iterations.slice(first - 1, last);
      const gone = chosen.filter(({ policy }) => policy.removed).map(({ iteration }) => iteration + 1);
      if (gone.length > 0)
        throw new UsageError(
          `--iterations ${first}-${last}: the weights after ${gone.join(', ')} were not kept; choose others, or set ` +
            `checkpoints.keepLast or checkpoints.keepEvery while the run is going on.`,
        );
      const trained = trainedParameters(checkpoint, model.train, model.valueHead);
      const merge = {
        start: asParameters(trained, startParameters(checkpoint, trained, seed)),
        policies: await Promise.all(chosen.map(({ policy }) => getTrained(store, policy))),
        weights: mergeWeights(options.weights, chosen.length, { alpha: options.alpha }),
        density: options.density,
      };
      await writeMergedPolicies(out, checkpoint, merge, model.train);
      const distance = factorDistance(merge);
      if (distance !== null)
        process.stdout.write(
          `the separate merge of A and B differs from this one by ${distance.toPrecision(3)} of its change\n`,
        );
      process.stdout.write(`${out}\n`);
    });
}

function range(text: string): [number, number] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (first === undefined || Number(first) < 1 || Number(first) > Number(last))
    throw new InvalidArgumentError('Give two iterations, the first from 1, such as 3-9.');
  return [Number(first), Number(last)];
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Give a number above 0 and at most 1.');
  return value;
}
