/**
 * Adam (Kingma & Ba 2015) over one flat parameter vector, as torch.optim computes it, decoupled weight decay included
 * (AdamW).
 */

/** First and second moments and the number of steps made. */
export type AdamState = { step: number; m: Float32Array; v: Float32Array };

export type AdamOptions = { beta1: number; beta2: number; eps: number; weightDecay?: number };

export function initAdam(size: number): AdamState {
  return { step: 0, m: new Float32Array(size), v: new Float32Array(size) };
}

/**
 * m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 * p = p (1 - lr wd) - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps). Changes `parameters` and `state` in place.
 */
export function adamStep(
  parameters: Float32Array,
  gradient: Float32Array,
  state: AdamState,
  lr: number,
  { beta1, beta2, eps, weightDecay = 0 }: AdamOptions,
): void {
  state.step++;
  const { m, v } = state;
  const stepSize = lr / (1 - beta1 ** state.step);
  const rootCorrection = Math.sqrt(1 - beta2 ** state.step);
  const decay = 1 - lr * weightDecay;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i];
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    parameters[i] = parameters[i] * decay - (stepSize * m[i]) / (Math.sqrt(v[i]) / rootCorrection + eps);
  }
}

/** Global L2 norm. */
function globalNorm(gradient: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  return Math.sqrt(sum);
}

/**
 * Scales `gradient` in place so that its norm is at most `maxNorm` (torch.nn.utils.clip_grad_norm_). Returns the norm
 * before.
 */
export function clipByGlobalNorm(gradient: Float32Array, maxNorm: number): number {
  const norm = globalNorm(gradient);
  const scale = maxNorm / (norm + 1e-6);
  if (scale < 1) for (let i = 0; i < gradient.length; i++) gradient[i] *= scale;
  return norm;
}
