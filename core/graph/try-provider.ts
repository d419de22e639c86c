/**
 * A process that loads and runs one addition on a device: `chooseDevice` starts it, so that a crashing driver takes
 * nothing else down.
 */
import { GraphBuilder } from './builder.ts';
import type { ComputeDevice } from './compute-device.ts';
import { add } from './ops/elementwise.ts';
import { Session } from './session.ts';

const g = new GraphBuilder();
const x = g.input('x', 'float32', [1]);
g.output('y', add(g, x, x));
const session = await Session.load(g.finish(), { device: JSON.parse(process.argv[2]) as ComputeDevice });
const { y } = await session.run({ x: new Float32Array([1]) });
if (y.data[0] !== 2) throw new Error(`1 + 1 gives ${y.data[0]} there`);
await session.close();
