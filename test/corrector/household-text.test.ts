import test from 'ava';
import { judgeHousehold } from '../../core/corrector/rehearsal/household-text.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

const { thought: wording } = loadPromptTemplate('alfworld', 'alfworld');
const game = gameByName('alfworld');
const judge = (environment: { promptValues(): object }, thought: Record<string, string>, action: string) =>
  judgeHousehold(environment.promptValues() as Parameters<typeof judgeHousehold>[0], thought, action, wording);

test('following its corrections, most households of every kind are put in order', (t) => {
  const won: Record<string, number> = {};
  for (let episode = 0; episode < 60; episode++) {
    const environment = game.start({ seed: 4, episode }, game.parseOptions({}));
    for (let stop: unknown = null; stop === null;) {
      const { evaluation, correction } = judge(environment, { thoughts: 'nothing' }, 'look');
      t.is(evaluation, 'no');
      stop = environment.step(correction!.action).stop; // throws when it is not admissible
    }
    const { taskType, won: isWon } = environment.state() as { taskType: string; won: boolean };
    won[taskType] = (won[taskType] ?? 0) + Number(isWon);
  }
  t.is(Object.keys(won).length, 6);
  t.true(
    Object.values(won).every((count) => count > 0),
    JSON.stringify(won),
  );
  t.true(Object.values(won).reduce((sum, count) => sum + count, 0) > 50, JSON.stringify(won));
});

test('it words thoughts of every household policy', (t) => {
  const environment = game.start({ seed: 4, episode: 1 }, game.parseOptions({}));
  environment.step((environment.legalActions() as string[]).find((command) => command.startsWith('go to'))!);
  for (const prompt of ['alfworld', 'alfworld-tiny']) {
    const { correction } = judgeHousehold(
      environment.promptValues() as Parameters<typeof judgeHousehold>[0],
      {},
      'look',
      loadPromptTemplate(prompt, 'alfworld').thought,
    );
    t.true(
      Object.values(correction!).every((text) => !String(text).includes('{')),
      prompt,
    );
  }
});

test(
  'its own correction is right, with any other good command as well; a thought that does not lead to its action ' +
    'is wrong',
  (t) => {
    const environment = game.start({ seed: 4, episode: 1 }, game.parseOptions({}));
    const { action, ...thought } = judge(environment, {}, 'look').correction as Record<string, string>;
    t.regex(action, /^go to /);
    t.is(judge(environment, thought, action).evaluation, 'yes');
    t.is(judge(environment, thought, 'look').evaluation, 'no');
    t.is(judge(environment, { thoughts: 'hm' }, action).evaluation, 'no');
  },
);
