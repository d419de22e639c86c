/** The frequencies of rotary positions: by how much each pair of a head's elements turns from one token to the next, in radians. */
import type { RopeScaling, TextConfig } from '../vlm-config.ts';

/** theta^(-2 i / headDim) for pair i, scaled as the checkpoint says. [headDim / 2] */
export function rotaryFrequencies({ headDim, ropeTheta, ropeScaling, ropeRounding }: TextConfig): number[] {
  return Array.from({ length: headDim / 2 }, (_, pair) => rounded(scaled(ropeTheta ** (-(2 * pair) / headDim), ropeScaling), ropeRounding));
}

function scaled(frequency: number, scaling: RopeScaling | null): number {
  if (scaling === null) return frequency;
  const { factor } = scaling;
  if (scaling.kind === 'linear') return frequency / factor;
  // Llama 3: what turns often within the original length stays, what turns rarely is slowed down, between the two a mixture.
  const turns = (scaling.originalPositions * frequency) / (2 * Math.PI);
  const share = (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
  const kept = Math.min(1, Math.max(0, share));
  return (1 - kept) * (frequency / factor) + kept * frequency;
}

function rounded(value: number, to: TextConfig['ropeRounding']): number {
  if (to === 'float16') return new Float16Array([value])[0];
  if (to !== 'bfloat16') return value;
  // Round to nearest, ties to even, on the upper half of the float32.
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0];
}
