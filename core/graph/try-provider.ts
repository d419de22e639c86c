/**
 * A process that loads and runs one addition on an execution provider: `checkProvider` starts it, so that a driver that
 * crashes takes nothing with it.
 */
import { GraphBuilder } from './builder.ts';
import { add } from './ops/elementwise.ts';
import { Session } from './session.ts';

const g = new GraphBuilder();
const x = g.input('x', 'float32', [1]);
g.output('y', add(g, x, x));
const session = await Session.load(g.finish(), { executionProviders: [process.argv[2]] });
await session.run({ x: new Float32Array([1]) });
await session.close();
