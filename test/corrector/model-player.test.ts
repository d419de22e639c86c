/** An external model in the agent's place: asked and read like the agent, paid once, counted. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { openStore } from '../../core/artifacts/open-store.ts';
import { CORRECTOR_PROMPTS } from '../../core/corrector/corrector-prompt.ts';
import { Ledger } from '../../core/corrector/ledger.ts';
import { ModelPlayer } from '../../core/corrector/model-player.ts';
import { faultsSchema } from '../../core/corrector/rehearsal/faults.ts';
import { gameOf } from '../../core/envs/with-history.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { playEpisodes } from '../../core/policy/rollout.ts';
import { rehearse } from './rehearse.ts';

const MAZE = './examples/picture-maze.ts';

const PROMPTS = [...CORRECTOR_PROMPTS, MAZE];

const { openai } = runConfigSchema.parse({ environment: { name: MAZE }, model: { base: 'x' } }).corrector;
const SETTINGS = {
  episodes: 4,
  maxEpisodeSteps: 8,
  maxNewTokens: 1,
  temperature: 1,
  repetitionPenalty: 1,
  penalizePrompt: false,
  thoughtCoef: 1,
  leaveAfterFailure: false,
};

async function play(
  name: string,
  store = mkdtempSync(path.join(tmpdir(), 'gtr-player-')),
  payer = 'me',
  budgetUsd: number | null = null,
  history: RunConfig['prompt']['history'] = 'none',
) {
  const ledger = new Ledger(openStore(store));
  const player = new ModelPlayer(openai, [loadPromptTemplate(null, name)], {
    ledger,
    payer,
    within: (_, ask) => ask(),
    budgetUsd,
    history,
  });
  const game = gameOf({ environment: { name }, prompt: { history, steps: 2 } });
  const key = { seed: 5, iteration: 0, firstEpisode: 0 };
  const { episodes } = await playEpisodes(player, game, game.parseOptions({}), key, SETTINGS);
  return { episodes, counts: player.counts, steps: episodes.flatMap(({ steps }) => steps), store };
}

for (const name of [...CORRECTOR_PROMPTS, MAZE])
  test.serial(`${name}: the rehearsal server plays from the agent's own prompt and picture`, async (t) => {
    await rehearse(PROMPTS, [], async () => {
      const { steps, counts, episodes } = await play(name);
      t.true(steps.every(({ legal, thought }) => legal && thought !== null));
      t.is(counts.calls, steps.length);
      t.true(counts.tokensIn > counts.calls && counts.tokensOut > counts.calls && counts.costUsd! > 0);
      if (name === MAZE || name === 'numberline')
        t.deepEqual(
          episodes.map(({ stop }) => stop),
          ['terminated', 'terminated', 'terminated', 'terminated'],
        );
    });
  });

test.serial(
  'a model gets the past as the agent does: in words, or as the conversation with its pictures',
  async (t) => {
    await rehearse(PROMPTS, [], async () => {
      const [alone, words, turns] = [
        await play('numberline'),
        await play('numberline', undefined, 'me', null, 'text'),
        await play('numberline', undefined, 'me', null, 'concat'),
      ];
      t.true(alone.episodes.some(({ steps }) => steps.length > 2));
      for (const told of [words, turns]) {
        // The server plays like the expert with any history: the same games, but longer questions.
        const actions = (run: typeof told) => run.episodes.map(({ steps }) => steps.map(({ action }) => action));
        t.deepEqual(actions(told), actions(alone));
        t.is(told.counts.calls, told.steps.length);
        t.true(told.counts.tokensIn > alone.counts.tokensIn);
      }
      // One more picture for each past step: 300 pixels cost more than the words.
      t.true(turns.counts.tokensIn > words.counts.tokensIn);
      const again = await play('numberline', turns.store, 'me', null, 'concat');
      t.deepEqual(again.steps, turns.steps);
      const otherwise = await play('numberline', turns.store, 'another');
      t.is(otherwise.counts.ledgerHits, otherwise.episodes.length); // first steps, where nothing is past
    });
  },
);

test.serial(
  'a move is paid once: another evaluation finds it in the ledger, the same one counts it as its own',
  async (t) => {
    await rehearse(PROMPTS, [], async () => {
      const first = await play('numberline');
      const again = await play('numberline', first.store);
      // Seconds are added in the order of the answers.
      const counts = (run: typeof first) => ({ ...run.counts, seconds: run.counts.seconds.toFixed(6) });
      t.deepEqual([counts(again), again.steps], [counts(first), first.steps]);
      const other = await play('numberline', first.store, 'another');
      t.deepEqual(other.steps, first.steps);
      t.like(other.counts, { calls: 0, requests: 0, ledgerHits: first.steps.length, costUsd: 0 });
    });
  },
);

test.serial('an evaluation keeps its budget, and continues from the ledger once it is raised', async (t) => {
  await rehearse(PROMPTS, [], async () => {
    const whole = await play('numberline');
    const store = mkdtempSync(path.join(tmpdir(), 'gtr-player-'));
    await t.throwsAsync(play('numberline', store, 'me', whole.counts.costUsd! / 2), {
      name: 'ConfigError',
      message: /may exceed the budget of \$.* are not paid twice/,
    });
    const raised = await play('numberline', store, 'me', 2 * whole.counts.costUsd! + 0.05);
    t.deepEqual(raised.steps, whole.steps);
    t.deepEqual(raised.counts.costUsd, whole.counts.costUsd);
  });
  t.throws(
    () =>
      new ModelPlayer({ ...openai, model: 'unknown' }, [loadPromptTemplate(null, MAZE)], {
        ledger: new Ledger(openStore(mkdtempSync(path.join(tmpdir(), 'gtr-player-')))),
        payer: 'me',
        within: (_, ask) => ask(),
        budgetUsd: 1,
      }),
    { name: 'ConfigError', message: /the price of unknown is unknown/ },
  );
});

test.serial('an unusable answer draws an action, and is counted by its reason', async (t) => {
  const faults = faultsSchema.parse([{ fault: 'refusal', every: 2 }]);
  await rehearse(PROMPTS, faults, async () => {
    const { steps, counts } = await play('numberline');
    const refused = steps.filter(({ legal }) => !legal);
    t.true(refused.length > 0 && refused.length < steps.length);
    t.deepEqual(counts.unusable, { refusal: refused.length });
    t.true(refused.every(({ action, thought }) => ['+', '-'].includes(action) && thought === null));
  });
});
