/** The workflows that a worker registers, by the names that users start. */
export { correctWave } from './correct-wave.ts';
export { evaluate } from './evaluate.ts';
export { iteration } from './iteration.ts';
export { sft } from './sft.ts';
export { train } from './train.ts';
