/** Every operator, by name. */

import type { Op } from '../program.ts';
import { elementwise } from './elementwise.ts';
import { linearAlgebra } from './linear-algebra.ts';
import { Loop } from './loop.ts';
import { movement } from './movement.ts';
import { neural } from './neural.ts';
import { reductions } from './reduction.ts';

export const ops: readonly Op[] = [...elementwise, ...movement, ...reductions, ...linearAlgebra, ...neural, Loop];
