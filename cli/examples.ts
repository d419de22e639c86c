/** Examples that the help of each verb ends with. */

/** By verb: command lines after `./gtr`, and what each does. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [line: string, does: string])[]>> = {
  up: [
    ['up', 'the server and all workers, until Ctrl-C'],
    ['up --no-server --workers gpu:0,gpu:1', 'two GPU workers of a server elsewhere (TEMPORAL_ADDRESS)'],
  ],
  train: [
    ['train --config points24-tiny --id my-run --wait', 'start a run and follow it'],
    ['train --config points24-tiny --id short --set envSteps=2048 --set seed=7', 'with other settings'],
  ],
  sft: [['sft --config sft-points24-tiny --out models/mine --id my-model', 'a checkpoint of demonstrations']],
  watch: [['watch my-run', 'one line per iteration; Ctrl-C only stops watching']],
  pause: [['pause my-run', 'running activities finish, then the run waits']],
  resume: [['resume my-run', 'continue it']],
  stop: [
    ['stop my-run', 'after the iteration, with an evaluation'],
    ['stop my-run --now', 'at once, dropping the running iteration'],
  ],
  set: [
    ['set my-run', 'which settings can change, and their values'],
    ['set my-run optimizer.lr=1e-4 envSteps=20000', 'from the next iteration on'],
  ],
  reset: [['reset my-run --to 3', 'continue after iteration 3 again']],
  fork: [['fork my-run --at 3 --id other --set optimizer.lr=1e-4', 'a new run from there']],
  merge: [['merge my-run --iterations 3-9 --out merged', 'the TIES merge of its checkpoints, as a checkpoint']],
  result: [['result my-run --json', 'its outcome, also without a server']],
  runs: [['runs', 'all runs: status, success, size on disk']],
  corrections: [
    ['corrections my-run --outcome unusable', 'thoughts without a usable judgement'],
    ['corrections my-run --out judged', 'all of them, with pictures'],
  ],
  track: [
    ['track my-run --to mlflow', 'send its curves to MLFLOW_TRACKING_URI; later again: what is new'],
    ['track --follow', 'all runs that name a tracker, until Ctrl-C'],
  ],
  rate: [['rate --requests-per-minute 500 --tokens-per-minute 30000', "limits of the teacher's account, at once"]],
  estimate: [['estimate --config points24-tiny --set corrector.teacher=openai', 'calls, tokens, cost and hours']],
  evaluate: [
    ['evaluate --policy my-run --episodes 500 --json', 'after its last iteration; my-run@3: after three'],
    ['evaluate --policy solver --config points24-tiny', 'the best possible result'],
  ],
  report: [['report my-run', 'one HTML file']],
  assemble: [['assemble --language models/smollm --vision models/siglip --out models/new', 'a LLaVA from two models']],
  export: [['export my-run --out exported', 'weights for PEFT and transformers, metrics, corrections']],
  verify: [['verify my-run', 'check the hashes of everything that it refers to']],
  gc: [
    ['gc', 'what no run reaches'],
    ['gc --delete --drop old-run', 'delete that, and a closed run with everything that only it reaches'],
  ],
  play: [['play blackjack --seed 3', 'in the terminal; each picture is written as a PNG']],
  'fake-openai': [['fake-openai --port 8080 --latency 8-17', 'a server for rehearsing paid correction']],
  conformance: [['conformance gymcards gymcards-reference', 'recorded games of the original, episode by episode']],
  doctor: [
    ['doctor', 'what is installed, reachable or missing'],
    ['doctor --model models/points24-tiny', 'what a checkpoint is, and what it needs'],
  ],
  quickstart: [['quickstart', 'what `npm start` does']],
  completion: [['completion bash', 'e.g. eval "$(./gtr completion bash)" in ~/.bashrc']],
};

/** The end of a verb's help. */
export function exampleText(verb: string): string {
  const examples = EXAMPLES[verb] ?? [];
  const width = Math.max(0, ...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  ./gtr ${line.padEnd(width)}  ${does}`);
  return lines.length === 0 ? '' : ['', 'Examples:', ...lines].join('\n');
}
