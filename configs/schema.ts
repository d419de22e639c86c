/**
 * The one description of a run: every tunable with its meaning, default and limits. Names follow spec.md; numbers of
 * the paper stand in the presets.
 */
import { z } from 'zod';
import { ALGORITHMS } from './algorithms.ts';
import { TEACHERS } from './teachers.ts';

/** The names of a table, for an enum. */
function namesOf<T extends object>(table: T): [keyof T & string, ...(keyof T & string)[]] {
  return Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];
}

/** `name: what it is; ...` of a table. */
function summaries(table: Readonly<Record<string, { summary: string }>>): string {
  return `${Object.entries(table)
    .map(([name, { summary }]) => `${name}: ${summary}`)
    .join('; ')}.`;
}

const probability = z.number().min(0).max(1);
const positive = z.int().min(1);

const environment = z
  .strictObject({
    name: z
      .string()
      .describe(
        'Environment: points24, ezpoints, numberline, blackjack, alfworld; or the path (relative: from the project) or ' +
          'package of a module with your own game, e.g. ./examples/picture-maze.ts (docs/environments.md).',
      ),
    options: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Options of that environment, e.g. {"deals": "seen"}; checked by it.'),
    maxEpisodeSteps: positive
      .default(20)
      .describe('An episode still open after so many steps is truncated there and bootstrapped.'),
  })
  .describe('What is played.');

const lora = z.strictObject({
  kind: z.literal('lora'),
  rank: positive.default(128).describe('Rank r of every adapter.'),
  alpha: z.number().positive().default(256).describe('Adapters are scaled by alpha / r.'),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe(
      "Share of the adapters' input that is dropped while updating, seeded; samples and old log-probs are without.",
    ),
  parts: z
    .array(z.enum(['language_model', 'vision_tower', 'multi_modal_projector']))
    .min(1)
    .default(['language_model'])
    .describe('Parts whose linear layers carry a new adapter; one that the checkpoint brings is trained as it is.'),
});

const model = z
  .strictObject({
    base: z
      .string(
        'is not set: name the folder of your checkpoint, e.g. --set model.base=/models/my-llava (README, ' +
          'Configurations)',
      )
      .describe('Folder of the starting checkpoint in Hugging Face format; relative paths count from the project.'),
    adapter: z
      .string()
      .nullable()
      .default(null)
      .describe(
        'Folder of a PEFT LoRA adapter that the run starts from, e.g. one that `gtr export` wrote, with its value ' +
          'head; null: the one that lies in `base`, or none.',
      ),
    train: z
      .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('all') }), lora])
      .default({ kind: 'all' })
      .describe('What is trained: all parameters or LoRA adapters.'),
    valueHead: z
      .array(positive)
      .default([1024, 512])
      .describe('Hidden sizes of the value head, if the checkpoint brings none.'),
    prompt: z
      .string()
      .nullable()
      .default(null)
      .describe("Prompt template file: a name in core/policy/prompts or a path; null: the environment's own."),
    imageSize: positive.default(300).describe('Pixels of the drawn observation on each side.'),
  })
  .describe('The policy.');

const rollout = z
  .strictObject({
    envStepsPerIteration: positive.default(1024).describe('Kept steps that an iteration trains on.'),
    episodesPerWave: positive
      .default(64)
      .describe('Environments stepped together; a wave ends when each has finished its episode.'),
    temperature: z
      .number()
      .min(0)
      .default(0.2)
      .describe("Sampling temperature; also divides the logits of PPO's log-probs. 0: greedy."),
    repetitionPenalty: z.number().min(1).default(1.2).describe('Shapes sampling only (spec.md section 3).'),
    penalizePrompt: z.boolean().default(false).describe('Count prompt ids in the penalty too.'),
    maxNewTokens: positive.default(256).describe('Longest response.'),
    groupSize: z
      .int()
      .min(2)
      .default(8)
      .describe('Episodes from the same start, for algorithms that compare them (grpo); divides `episodesPerWave`.'),
  })
  .describe('How experience is sampled.');

const ppo = z
  .strictObject({
    gamma: probability.default(0.9).describe('Discount.'),
    lambda: probability.default(0.95).describe('GAE lambda.'),
    clip: z.number().positive().default(0.1).describe('PPO clip of ratio and value.'),
    valueCoef: z.number().min(0).default(0.5).describe('Weight of the value loss.'),
    thoughtCoef: z
      .number()
      .min(0)
      .default(0.5)
      .describe('Weight of thought tokens in the log-probability of a response.'),
    epochs: positive.default(4).describe('Passes over the kept steps.'),
    samplesPerStep: positive
      .default(128)
      .describe('Samples whose gradients are accumulated for one optimizer step (minibatch 1 x 128 in the paper).'),
    maxGradNorm: z.number().positive().default(0.01).describe('Global gradient norm is clipped to this.'),
  })
  .describe('The PPO part of the update.');

const grpo = z
  .strictObject({
    topP: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe(
        'Of the groups whose episodes gained differently, those of most variance are kept that hold this share of it; ' +
          '1: all.',
      ),
    clipHigh: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('Upper clip of the ratio, above `ppo.clip` for rare tokens to rise faster; null: `ppo.clip`.'),
  })
  .describe('Algorithms that compare groups of episodes.');

const sft = z
  .strictObject({
    coef: z.number().min(0).default(1).describe('Weight of the SFT loss beside PPO.'),
    annealIterations: z
      .int()
      .min(0)
      .default(0)
      .describe('SFT weight falls linearly to 0 over so many iterations; 0: constant.'),
    rowsPerSample: positive.default(1).describe('Rows drawn beside each PPO sample.'),
    confirmed: z
      .boolean()
      .default(false)
      .describe(
        'Thoughts that the corrector found right become rows too, as the agent wrote them; the paper trains ' +
          'corrected ones only.',
      ),
    dagger: z.boolean().default(true).describe('Draw rows of all iterations so far; off: of this iteration only.'),
    actionCloning: z
      .boolean()
      .default(false)
      .describe("Train the action tokens of correction rows too, with the corrector's action."),
  })
  .describe('The supervised part of the update (thought cloning).');

const turbo = z
  .strictObject({
    merge: z
      .strictObject({
        interval: positive.default(1).describe('The teacher is merged anew every so many iterations.'),
        until: z
          .int()
          .min(0)
          .nullable()
          .default(null)
          .describe('Iterations after which it stays as it is; 0: it is the start model; null: never.'),
        method: z
          .enum(['ties', 'linear'])
          .default('ties')
          .describe('How: by TIES, or as the weighted mean of the changes.'),
        weights: z
          .enum(['sma', 'ema'])
          .default('sma')
          .describe(
            'How checkpoints count: all alike (the earlier teacher for those it is made of), or newer ones more.',
          ),
        alpha: z.number().gt(0).max(1).default(0.5).describe('ema: how much each new checkpoint counts.'),
        density: z.number().gt(0).max(1).default(0.8).describe("Share of each tensor's changes that TIES keeps."),
      })
      .prefault({})
      .describe("How the teacher is merged of the run's own checkpoints."),
    kl: z
      .strictObject({
        coef: z.number().min(0).default(1).describe('Weight of the distance.'),
        clip: z
          .enum(['none', 'zero', 'abs', 'k3'])
          .default('zero')
          .describe(
            'Distance of an answer, from the mean difference of log-probs a token: as it is, at least 0, of the sizes, ' +
              "or Schulman's estimate; all but `none` at most 10.",
          ),
        tokens: z.enum(['thought', 'all']).default('thought').describe('Tokens that it is measured on.'),
        from: z
          .enum(['advantage', 'returns'])
          .default('advantage')
          .describe('What it is taken from: advantages alone, or returns, so that the value head learns it too.'),
      })
      .prefault({})
      .describe('gtr-turbo-kl.'),
    sft: z
      .strictObject({
        temperature: z.number().min(0).default(0.2).describe('At which the teacher is sampled.'),
        tries: positive.default(3).describe('Answers until one is well-formed, at most.'),
      })
      .prefault({})
      .describe('gtr-turbo-sft.'),
  })
  .describe("Teachers merged of the run's own checkpoints (GTR-Turbo).");

const optimizer = z
  .strictObject({
    lr: z.number().positive().default(1e-5).describe('Learning rate at the first update.'),
    lrEnd: z.number().min(0).default(1e-9).describe('Learning rate at the end of the cosine.'),
    scheduleIterations: z.int().min(0).default(25).describe('Iterations of the cosine; 0: as many as the run has.'),
    beta1: probability.default(0.9).describe('Adam beta 1.'),
    beta2: probability.default(0.999).describe('Adam beta 2.'),
    eps: z.number().positive().default(1e-7).describe('Adam epsilon.'),
  })
  .describe('Adam and its schedule.');

const pricePerMillion = z.number().min(0);

const openai = z
  .strictObject({
    model: z.string().min(1).default('gpt-4o').describe('Model name as the server knows it.'),
    prompt: z
      .string()
      .nullable()
      .default(null)
      .describe("Wording of the requests: a name in core/corrector/prompts or a path; null: the environment's own."),
    temperature: z
      .number()
      .min(0)
      .max(2)
      .nullable()
      .default(0.4)
      .describe('Sampling temperature; null: not sent, for models that refuse it.'),
    maxTokens: positive.default(400).describe('Longest answer.'),
    maxTokensField: z
      .enum(['max_completion_tokens', 'max_tokens'])
      .default('max_completion_tokens')
      .describe('What the longest answer is called in requests; older servers know `max_tokens` only.'),
    answerFormat: z
      .enum(['schema', 'json', 'text'])
      .default('schema')
      .describe(
        'How the server is told the form of the answer: by its JSON schema; only that it is JSON; in words alone. ' +
          'Answers are checked all the same.',
      ),
    toolRounds: z
      .int()
      .min(0)
      .default(3)
      .describe('How often a judgement may ask the exact solver for formulas (Points24); 0: the tool is not offered.'),
    timeoutSeconds: z
      .number()
      .positive()
      .default(60)
      .describe('An answer that takes longer is given up and asked for again.'),
    image: z
      .strictObject({
        size: positive.default(300).describe('Pixels on each side; the scene is drawn anew at this size.'),
        format: z.enum(['png', 'jpeg']).default('png').describe('File format in the data URL.'),
        quality: z.int().min(1).max(100).default(90).describe('Quality of a JPEG.'),
        detail: z
          .enum(['auto', 'low', 'high'])
          .default('auto')
          .describe('How closely the model looks, which decides what a picture costs.'),
      })
      .prefault({})
      .describe('The picture in a request.'),
    azure: z
      .strictObject({
        deployment: z.string().min(1).describe('Name of the deployment.'),
        apiVersion: z.string().min(1).default('2024-10-21').describe("Version of Azure's API."),
      })
      .nullable()
      .default(null)
      .describe(
        "Azure OpenAI, with AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY in the worker's environment; null: " +
          'OpenAI or any compatible server (OPENAI_API_KEY, OPENAI_BASE_URL).',
      ),
    prices: z
      .strictObject({ prompt: pricePerMillion, cached: pricePerMillion, completion: pricePerMillion })
      .nullable()
      .default(null)
      .describe('US dollars per million tokens; null: as core/corrector/prices.ts knows the model.'),
  })
  .describe("The teacher `openai`; keys and addresses come from the corrector worker's environment.");

const corrector = z
  .strictObject({
    teacher: z
      .enum(namesOf(TEACHERS))
      .default('solver')
      .describe(`Who judges thoughts. ${summaries(TEACHERS)}`),
    openai: openai.prefault({}),
    cut: z.boolean().default(true).describe('Cut episodes that leave the way to the target (spec.md section 2).'),
    judgedShare: probability
      .default(1)
      .describe(
        'Share of steps that is judged (seeded choice); the others count as correct and are never cut by the ' +
          'corrector.',
      ),
    policy: z
      .enum(['always', 'verified-skip'])
      .default('always')
      .describe(
        'always: the teacher is asked about every judged thought; verified-skip: not about those that the exact ' +
          'solver proves right, whose verdict is the same.',
      ),
    account: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, 'must be small letters, digits and hyphens')
      .default('default')
      .describe(
        'Account of a paid teacher. Its limits hold for all runs on it, so each account has its own task queue, ' +
          '`corrector-<account>` (`default`: `corrector`), polled by workers that hold its key.',
      ),
    handOverSeconds: z
      .number()
      .min(0)
      .default(10)
      .describe(
        'A wave that takes long to sample hands its new steps to a paid teacher so often, to be judged while the ' +
          'rest is sampled; 0: after every round.',
      ),
    budgetUsd: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'US dollars that the run may spend on its teacher: it pauses before a thought that could exceed them. null: ' +
          'any.',
      ),
    requestsPerMinute: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'Limit of the account, set when the run starts; null: as it is (`gtr rate`). It paces thoughts: one request ' +
          "each, two where the solver's tool is offered.",
      ),
    tokensPerMinute: positive
      .nullable()
      .default(null)
      .describe('Limit of the account, set when the run starts; null: as it is (`gtr rate`).'),
  })
  .describe('Thought correction.');

const collapse = z
  .strictObject({
    thoughts: z
      .int()
      .min(0)
      .default(8)
      .describe(
        "Thoughts of each iteration's first wave that are scored under each other's observations and a white picture; " +
          'n of them take n * (n + 1) passes forward. 0: none.',
      ),
    alarm: z
      .array(
        z.strictObject({
          metric: z.string().min(1).describe('Metric that is watched (docs/metrics.md).'),
          below: z.number().positive().describe("Share of the metric's first value that it may not stay below."),
          iterations: positive.default(3).describe('So many iterations in a row.'),
          raiseSft: z
            .number()
            .gt(1)
            .nullable()
            .default(null)
            .describe('Factor by which `sft.coef` is raised then; null: the run pauses, and says why.'),
        }),
      )
      .default([])
      .describe('Rules that each fire once, e.g. [{"metric": "collapse/mutualInformation", "below": 0.5}].'),
  })
  .describe('Watch for thoughts that become templates.');

const evaluation = z
  .strictObject({
    episodes: z
      .int()
      .min(0)
      .default(300)
      .describe('Episodes of the evaluation before the first and after the last iteration; 0: none.'),
    seed: z.int().min(0).default(20_000).describe('Seed of the evaluation deals, apart from training.'),
    decoding: z
      .enum(['sampled', 'greedy', 'both'])
      .default('sampled')
      .describe(
        "How responses are decoded: sampled at the rollout's temperature, greedily, or both, one after the other on " +
          'the same deals.',
      ),
    everyIterations: z.int().min(0).default(0).describe('Evaluate in between too; 0: never.'),
    options: z.record(z.string(), z.unknown()).default({}).describe('Environment options that differ in evaluation.'),
    heldOut: z
      .record(z.string(), z.unknown())
      .nullable()
      .default(null)
      .describe('Environment options of a second evaluation on held-out deals; null: none.'),
  })
  .describe('Evaluation apart from training.');

const engine = z
  .strictObject({
    provider: z
      .enum(['auto', 'cpu', 'cuda', 'webgpu'])
      .default('cpu')
      .describe(
        'onnxruntime execution provider. webgpu: any GPU with a Vulkan driver (Linux), Metal or Direct3D. auto: the ' +
          'first of cuda, webgpu and cpu that the worker can use (docs/gpu.md).',
      ),
    device: z
      .union([z.int().min(0), z.string().min(1)])
      .nullable()
      .default(null)
      .describe(
        'Where there are several GPUs: the number of one or a part of its name, as `gtr doctor` lists them. A worker ' +
          'of `gtr up --workers gpu:1` has its own. null: the first.',
      ),
    lanes: positive
      .max(256)
      .default(2)
      .describe(
        'Sessions at work at the same time: threads of the worker, on a GPU processes; does not change the bytes ' +
          'of any result.',
      ),
    threads: positive
      .max(256)
      .default(1)
      .describe(
        'Threads of one operator in a lane; part of the arithmetic. From about 100 million parameters on, one lane of ' +
          'several threads computes as fast as several lanes, in the memory of one.',
      ),
    rowsPerShard: positive.default(16).describe('Rows of one gradient shard; part of the arithmetic.'),
    rowsPerSample: positive.default(16).describe('Rows sampled together by one lane; part of the arithmetic.'),
    sessions: positive
      .default(24)
      .describe('Shapes that a lane keeps ready; on a GPU each holds its own copy of the weights: 2 for a 7B model.'),
    lengthStep: positive
      .nullable()
      .default(null)
      .describe(
        'Lengths of responses, and of prompts where they differ, are rounded up to a multiple of it; null: to 1/32 ' +
          'to 1/16 of them. Where `sessions` is small, large enough for few shapes.',
      ),
    precision: z
      .enum(['float32', 'float16', 'bfloat16'])
      .default('float32')
      .describe(
        'What embeddings, matrix products and residuals are computed in; norms, softmax, losses, trained parameters ' +
          'and their gradients stay float32. bfloat16 needs `provider: cuda`, float16 on webgpu a GPU with 16-bit kernels; a CPU computes float16 by ' +
          'converting.',
      ),
    memoryGiB: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'Memory that the run may take, on the GPU where `provider` names one; a run that does not fit is refused ' +
          'before it starts. null: what the machine has.',
      ),
    gradientCheckpointing: z
      .boolean()
      .default(false)
      .describe(
        "Whether updates compute each layer's activations again in the backward pass instead of keeping them: far " +
          'less memory, about a third more time.',
      ),
  })
  .refine(({ provider, precision }) => provider === 'cuda' || provider === 'auto' || precision !== 'bfloat16', {
    path: ['precision'],
    message: 'bfloat16 needs engine.provider cuda; onnxruntime has no such kernels elsewhere: use float32 or float16',
  })
  .describe('How graphs are run.');

const durability = z
  .strictObject({
    heartbeatSeconds: z
      .number()
      .min(1)
      .default(20)
      .describe('A GPU activity that is silent for so long is started again elsewhere.'),
    resumePointSeconds: z
      .number()
      .min(0)
      .default(10)
      .describe(
        'A GPU activity stores a resume point so often, or less often where that would exceed `resumePointShare`; 0: ' +
          'after every round or optimizer step.',
      ),
    resumePointShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.05)
      .describe('Share of the time that storing resume points may take, as measured while the run goes.'),
  })
  .describe('What a crash may cost.');

/** An activity is three events, and a history may have 10,000. */
const MOST_UPDATE_ACTIVITIES = 2500;

const parallel = z
  .strictObject({
    waves: positive.default(1).describe('Waves sampled at once, on as many GPU workers as poll.'),
    gradients: positive
      .default(1)
      .describe(
        'Groups of gradient shards that make an optimizer step; each is an activity that any GPU worker takes. Part of ' +
          'the arithmetic: any number of workers gives the same bytes. 1: a whole epoch is one activity.',
      ),
  })
  .describe('How a run is spread over GPU workers (docs/scaling.md).');

const checkpoints = z
  .strictObject({
    keepLast: positive
      .default(2)
      .describe('Newest iterations whose policy and optimizer are kept: a run can be reset to them, or forked there.'),
    keepEvery: z
      .int()
      .min(0)
      .default(0)
      .describe('Every so many iterations one is kept for good, with its optimizer; 0: none.'),
  })
  .describe(
    'Which finished iterations keep their weights, beside the policy of the best evaluation in between; their metrics, ' +
      'samples and corrections always stay.',
  );

const runShape = {
  algorithm: z.enum(namesOf(ALGORITHMS)).default('gtr').describe(summaries(ALGORITHMS)),
  seed: z.int().min(0).default(1).describe('Everything random derives from it.'),
  envSteps: positive.default(15_000).describe('Environment steps of the whole run (kept steps).'),
  successWindow: positive
    .default(200)
    .describe('Episodes of the moving success rate: the newest iterations that hold so many.'),
  formatReward: z.number().min(0).default(5).describe('Added to the return of a step whose response is well-formed.'),
  environment,
  model,
  rollout: rollout.prefault({}),
  ppo: ppo.prefault({}),
  grpo: grpo.prefault({}),
  sft: sft.prefault({}),
  turbo: turbo.prefault({}),
  optimizer: optimizer.prefault({}),
  corrector: corrector.prefault({}),
  collapse: collapse.prefault({}),
  evaluation: evaluation.prefault({}),
  engine: engine.prefault({}),
  parallel: parallel.prefault({}),
  durability: durability.prefault({}),
  checkpoints: checkpoints.prefault({}),
};

/** A training run. */
export const runConfigSchema = z
  .strictObject({
    $schema: z.string().optional(),
    title: z.string().default('').describe('One line on what this run is.'),
    ...runShape,
  })
  .superRefine((config, context) => {
    if (config.optimizer.lrEnd > config.optimizer.lr)
      context.addIssue({
        code: 'custom',
        path: ['optimizer', 'lrEnd'],
        message: `must not exceed optimizer.lr (${config.optimizer.lr})`,
      });
    const { groupSize, episodesPerWave } = config.rollout;
    if (ALGORITHMS[config.algorithm].advantages === 'group' && episodesPerWave % groupSize !== 0)
      context.addIssue({
        code: 'custom',
        path: ['rollout', 'groupSize'],
        message: `must divide rollout.episodesPerWave (${episodesPerWave})`,
      });
    if (ALGORITHMS[config.algorithm].losses.policy > 0 && config.rollout.temperature === 0)
      context.addIssue({
        code: 'custom',
        path: ['rollout', 'temperature'],
        message: 'must be above 0: PPO needs sampled responses',
      });
    const { ppo, rollout, parallel } = config;
    const steps = ppo.epochs * Math.ceil(rollout.envStepsPerIteration / ppo.samplesPerStep);
    const activities = parallel.gradients === 1 ? 0 : steps * (parallel.gradients + 1);
    if (activities > MOST_UPDATE_ACTIVITIES)
      context.addIssue({
        code: 'custom',
        path: ['parallel', 'gradients'],
        message:
          `asks for ${activities} activities an iteration (${steps} optimizer steps of ${parallel.gradients} groups), ` +
          `more than the ${MOST_UPDATE_ACTIVITIES} that a workflow's history holds; raise ppo.samplesPerStep`,
      });
  });

export type RunConfig = z.infer<typeof runConfigSchema>;

/** A supervised warm start: makes a checkpoint from demonstrations. */
export const sftConfigSchema = z
  .strictObject({
    $schema: z.string().optional(),
    title: z.string().default(''),
    seed: runShape.seed,
    environment,
    model: model.extend({
      base: z
        .string()
        .nullable()
        .default(null)
        .describe('Checkpoint to start from; null: a new model of the shape `architecture`.'),
      architecture: z
        .record(z.string(), z.unknown())
        .nullable()
        .default(null)
        .describe(
          'A Hugging Face `config.json` for a new model; its vocabulary sizes and special ids follow from `pieces`.',
        ),
      pieces: z
        .array(z.string().min(1))
        .default([])
        .describe("Texts that are one token each, for a new model's tokenizer."),
    }),
    demonstrations: z.strictObject({
      file: z
        .string()
        .nullable()
        .default(null)
        .describe(
          "Demonstrations of your own in LLaVA's format, as RL4VLM's: a JSON list (or one object a line) of {image, " +
            'conversations: [{from: human, value: "<image>..."}, {from: gpt, value}]}; relative paths count from ' +
            "the project. null: the expert's.",
        ),
      images: z
        .string()
        .nullable()
        .default(null)
        .describe("Folder that the file's pictures count from; null: the file's own."),
      count: positive
        .default(50_000)
        .describe(
          'Demonstrations that are trained on: so many are drawn, or a file is passed through in new orders until ' +
            'it were so many.',
        ),
      habits: z
        .strictObject({
          randomChain: probability
            .default(0.7)
            .describe(
              'Formula games: share of demonstrations that follow random arithmetic and ignore the target; in ' +
                'thoughts with a search, that begin on the way to any two pairs and look on from there.',
            ),
          plainSums: probability
            .default(0.3)
            .describe('Formula games: share drawn from deals that + and - alone solve.'),
          naive: probability
            .default(0)
            .describe(
              "Share that follows the game's naive habit: the sum of the cards (in thoughts with a search, the " +
                'first result of either pair); numberline: always up; blackjack: hit below 20; alfworld: things are ' +
                'fetched, but never washed, warmed or chilled.',
            ),
        })
        .prefault({})
        .describe('What the demonstrations show; the rest are canonical solutions or best actions.'),
      walk: z
        .strictObject({
          longest: z
            .int()
            .min(0)
            .default(4)
            .describe('Steps from the start of an episode to the state of a demonstration, at most.'),
          taught: positive
            .default(1)
            .describe(
              'States of each walk that become demonstrations, counted from its end. More of them share the work of ' +
                'making a game.',
            ),
          planned: probability
            .default(0)
            .describe(
              'Share of these steps that follow plans, naive ones or best ones as demonstrations do; the others are ' +
                'random actions.',
            ),
        })
        .prefault({})
        .describe('How states are reached in games without a formula.'),
    }),
    batch: positive.default(32).describe('Demonstrations of one optimizer step.'),
    optimizer: optimizer
      .extend({ weightDecay: z.number().min(0).default(0.01).describe('Decoupled weight decay.') })
      .prefault({ lr: 2e-3, lrEnd: 1e-6 }),
    maxGradNorm: z.number().positive().default(1),
    maxNewTokens: rollout.shape.maxNewTokens,
    temperature: rollout.shape.temperature,
    repetitionPenalty: rollout.shape.repetitionPenalty,
    evaluation: evaluation.prefault({}),
    engine: engine.prefault({}),
    durability: durability.prefault({}),
  })
  .refine(({ model }) => (model.base === null) !== (model.architecture === null), {
    path: ['model', 'base'],
    message: 'give either `base` (a checkpoint) or `architecture` and `pieces` (a new model)',
  });

export type SftConfig = z.infer<typeof sftConfigSchema>;

/** A configuration that cannot be used; the message names the field, what is wrong and what would do. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Checks `input` against a schema; `origin` names the file or place in the one-sentence error. */
export function parseConfig<T extends z.ZodType>(schema: T, input: unknown, origin: string): z.infer<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const [issue, ...more] = result.error.issues;
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  throw new ConfigError(`${origin}: ${describeIssue(issue, SCHEMA_FILES.get(schema))}${others}.`);
}

/** Where people find the keys of a configuration. */
const SCHEMA_FILES = new Map<z.ZodType, string>([
  [runConfigSchema, 'configs/run.schema.json'],
  [sftConfigSchema, 'configs/sft.schema.json'],
]);

function describeIssue(issue: z.core.$ZodIssue, schemaFile: string | undefined): string {
  const field = issue.path.join('.') || 'the configuration';
  if (issue.code === 'unrecognized_keys') {
    const place = issue.path.length > 0 ? ` in ${issue.path.join('.')}` : '';
    return `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}${place}${schemaFile === undefined ? '' : `; see ${schemaFile} for the known ones`}`;
  }
  return `${field}: ${issue.message}`;
}
