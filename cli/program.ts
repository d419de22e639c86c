/** The `gtr` command line: one file per verb. */
import { Command } from 'commander';
import { runIdProblem } from '../configs/run-id.ts';
import manifest from '../package.json' with { type: 'json' };
import { UsageError } from './errors.ts';
import { exampleText } from './examples.ts';
import { register as assemble } from './assemble.ts';
import { register as completion } from './completion.ts';
import { register as conformance } from './conformance.ts';
import { register as control } from './control.ts';
import { register as corrections } from './corrections.ts';
import { register as doctor } from './doctor.ts';
import { register as estimate } from './estimate.ts';
import { register as evaluate } from './evaluate.ts';
import { register as exportRun } from './export.ts';
import { register as fakeOpenAI } from './fake-openai.ts';
import { register as fork } from './fork.ts';
import { register as gc } from './gc.ts';
import { register as merge } from './merge.ts';
import { register as play } from './play.ts';
import { register as quickstart } from './quickstart.ts';
import { register as rate } from './rate.ts';
import { register as report } from './report.ts';
import { register as reset } from './reset.ts';
import { register as result } from './result.ts';
import { register as runs } from './runs.ts';
import { register as set } from './set.ts';
import { register as sft } from './sft.ts';
import { register as track } from './track.ts';
import { register as train } from './train.ts';
import { register as up } from './up.ts';
import { register as verify } from './verify.ts';
import { register as watch } from './watch.ts';

/** A new program with all verbs; commander's errors are thrown, not exited with. */
export function gtrProgram(): Command {
  const program = new Command('gtr')
    .description('Durable Guided Thought Reinforcement: trains vision-language agents by PPO with corrected thoughts.')
    .version(manifest.version, '-v, --version')
    .option('--debug', 'show stack traces of errors')
    .showHelpAfterError('(gtr --help lists the verbs)')
    .exitOverride();

  for (const register of [
    up,
    train,
    sft,
    watch,
    control,
    set,
    reset,
    fork,
    result,
    runs,
    track,
    corrections,
    rate,
    estimate,
    evaluate,
    report,
    assemble,
    exportRun,
    merge,
    verify,
    gc,
    play,
    fakeOpenAI,
    conformance,
    doctor,
    quickstart,
    completion,
  ])
    register(program);
  for (const command of program.commands) command.addHelpText('after', exampleText(command.name()));

  /** Checks the names of runs before they are used. */
  program.hook('preAction', (_, command) => {
    const { id } = command.opts<{ id?: string }>();
    const named = command.registeredArguments.flatMap((argument, index) =>
      argument.name() === 'run' ? [String(command.processedArgs[index])] : [],
    );
    for (const name of [...named, ...(id === undefined ? [] : [id])]) {
      const problem = runIdProblem(name);
      if (problem !== null) throw new UsageError(problem);
    }
  });
  return program;
}
