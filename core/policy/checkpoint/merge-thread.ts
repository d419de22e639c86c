/** The thread of one merge. */
import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf, merge, type MergeTask } from './merge-in-thread.ts';

const done = merge(workerData as MergeTask);
parentPort!.postMessage(done, buffersOf([done.merged]));
