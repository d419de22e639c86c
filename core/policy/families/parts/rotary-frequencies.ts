/**
 * The frequencies of rotary positions: the angle, in radians, by which each pair of a head's elements turns from one
 * token to the next.
 */
import type { RopeScaling, TextConfig } from '../../vlm-config.ts';

/** theta^(-2 i / headDim) for pair i, scaled as the checkpoint says. [headDim / 2] */
export function rotaryFrequencies({ headDim, ropeTheta, ropeScaling }: TextConfig): number[] {
  return Array.from({ length: headDim / 2 }, (_, pair) => scaled(ropeTheta ** (-(2 * pair) / headDim), ropeScaling));
}

function scaled(frequency: number, scaling: RopeScaling | null): number {
  if (scaling === null) return frequency;
  const { factor } = scaling;
  if (scaling.kind === 'linear') return frequency / factor;
  // Llama 3: frequencies that turn often within the original length stay, those that turn rarely are slowed down, those
  // between are mixed.
  const turns = (scaling.originalPositions * frequency) / (2 * Math.PI);
  const share = (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
  const kept = Math.min(1, Math.max(0, share));
  return (1 - kept) * (frequency / factor) + kept * frequency;
}
