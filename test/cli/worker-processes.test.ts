/** The processes that `gtr up --workers` names. */
import test from 'ava';
import { workerProcesses } from '../../cli/supervisor.ts';

test('a role may be repeated; GPU workers without a device divide the lanes', (t) => {
  t.deepEqual(workerProcesses('orchestrator,gpu,gpu'), [
    { role: 'orchestrator', name: 'orchestrator', device: null, lanesOf: 1 },
    { role: 'gpu', name: 'gpu', device: null, lanesOf: 2 },
    { role: 'gpu', name: 'gpu-2', device: null, lanesOf: 2 },
  ]);
});

test('a GPU worker may name its device, which it has to itself', (t) => {
  t.deepEqual(workerProcesses('gpu:0,gpu:1'), [
    { role: 'gpu', name: 'gpu:0', device: '0', lanesOf: 1 },
    { role: 'gpu', name: 'gpu:1', device: '1', lanesOf: 1 },
  ]);
});

for (const [list, message] of [
  ['gpus', /--workers: unknown role "gpus"; known are orchestrator, gpu, corrector/],
  ['gpu:0,gpu:0', /--workers: gpu:0 is repeated; a device serves one worker/],
  ['corrector:0', /--workers: corrector:0: only a GPU worker can have a device number/],
  ['gpu:first', /--workers: gpu:first: only a GPU worker can have a device number/],
] as const)
  test(`${list} is refused with one sentence`, (t) => {
    t.throws(() => workerProcesses(list), { name: 'UsageError', message });
  });
