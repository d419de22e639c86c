/** An evaluation apart from any run reads its games before it plays the first. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { AgentCache } from '../../activities/agent-cache.ts';
import { createExpertActivities } from '../../activities/evaluate-expert.ts';
import { createEvaluationShareActivities } from '../../activities/evaluate-share.ts';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';

const LAPTOP = 'look_at_obj_in_light-Laptop-None-DeskLamp-320';

test('an empty game is named even if the other ones are fine', async (t) => {
  const home = mkdtempSync(path.join(tmpdir(), 'gtr-test-'));
  const train = path.join(home, 'json_2.1.1/train');
  cpSync(path.join(import.meta.dirname, '../envs/alfworld/games', LAPTOP), path.join(train, LAPTOP), {
    recursive: true,
  });
  const empty = path.join(train, LAPTOP.replace('320', '321'));
  cpSync(path.join(train, LAPTOP), empty, { recursive: true });
  const file = path.join(empty, 'trial_T20260211_022003_824647/game.tw-pddl');
  rmSync(`${file}.gz`);
  writeFileSync(file, '');
  process.env.ALFWORLD_DATA = home;
  const config = readConfig(runConfigSchema, 'alfworld-tiny', [
    'environment.options={"source":"data","split":"train"}',
    'evaluation.options={}',
    'evaluation.heldOut=null',
    'evaluation.episodes=1',
  ]);
  const store = new FileStore(path.join(home, 'artifacts'));
  const environment = new MockActivityEnvironment();
  const { evaluateExpert } = createExpertActivities({ home, store });
  const { playEvaluationShare } = createEvaluationShareActivities({ home, store }, new AgentCache());
  const policy = { sha256: '', bytes: 0, kind: 'policy' };
  const label = 'evaluate';
  for (const evaluated of [
    environment.run(evaluateExpert, { config, runId: 'test', label }),
    environment.run(playEvaluationShare, { config, policy, label, part: 0, share: 0, shares: 2, apart: true }),
  ]) {
    const { message } = await t.throwsAsync(evaluated);
    t.true(message.startsWith(file), message);
  }
});
