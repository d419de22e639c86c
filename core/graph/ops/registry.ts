/** Every operator. One that is exported from a file of this folder is in the registry. */

import type { Op } from '../program.ts';
import * as elementwise from './elementwise.ts';
import * as fused from './fused.ts';
import * as linearAlgebra from './linear-algebra.ts';
import * as loop from './loop.ts';
import * as movement from './movement.ts';
import * as neural from './neural.ts';
import * as reduction from './reduction.ts';
import * as words from './words.ts';

const isOperator = (exported: unknown): exported is Op =>
  typeof exported === 'object' && exported !== null && 'emit' in exported;

/** In the order of the files above, then by name. */
export const ops: readonly Op[] = [elementwise, movement, reduction, linearAlgebra, neural, fused, loop, words].flatMap(
  (file) => Object.values(file as Record<string, unknown>).filter(isOperator),
);
