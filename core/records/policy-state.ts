/** Policies and optimizers as artifacts: safetensors with the trained parameters, and Adam's moments. */
import type { ArtifactRef, ArtifactStore } from '../artifacts/store.ts';
import { decodeSafetensors, encodeSafetensors } from '../graph/safetensors.ts';
import type { AdamState } from '../learner/adam.ts';
import type { Parameters, PolicyEngine } from '../policy/policy-engine.ts';
import { asParameters } from '../policy/trained-parameters.ts';

/** Stores the trained parameters under their canonical names. */
export function putPolicy(
  store: ArtifactStore,
  engine: Pick<PolicyEngine, 'trained'>,
  flat: Float32Array,
): Promise<ArtifactRef> {
  return putTrained(store, asParameters(engine.trained, flat));
}

/** Stores trained parameters, for which no engine is needed. */
export function putTrained(store: ArtifactStore, trained: Parameters): Promise<ArtifactRef> {
  const tensors = [...trained].map(([name, tensor]) => ({ name, ...tensor }));
  return store.put('policy', encodeSafetensors(tensors));
}

/** The trained parameters by canonical name, for which no engine is needed. */
export async function getTrained(store: ArtifactStore, ref: ArtifactRef): Promise<Parameters> {
  return decodeSafetensors(await store.get(ref), `policy ${ref.sha256}`);
}

/** The trained parameters as one flat vector in the engine's order. */
export async function getPolicy(
  store: ArtifactStore,
  engine: Pick<PolicyEngine, 'trained' | 'trainedSize'>,
  ref: ArtifactRef,
): Promise<Float32Array> {
  const tensors = await getTrained(store, ref);
  const flat = new Float32Array(engine.trainedSize);
  let offset = 0;
  for (const { name, shape } of engine.trained) {
    const tensor = tensors.get(name);
    if (tensor === undefined || tensor.shape.join() !== shape.join())
      throw new Error(`policy ${ref.sha256} has no ${name} of shape ${shape.join('x')}: it belongs to another model`);
    flat.set(tensor.data, offset);
    offset += tensor.data.length;
  }
  return flat;
}

export function putOptimizer(store: ArtifactStore, { step, m, v }: AdamState): Promise<ArtifactRef> {
  const tensors = [
    { name: 'm', shape: [m.length], data: m },
    { name: 'v', shape: [v.length], data: v },
  ];
  return store.put('optimizer', encodeSafetensors(tensors, { step: String(step) }));
}

export async function getOptimizer(store: ArtifactStore, ref: ArtifactRef): Promise<AdamState> {
  const tensors = decodeSafetensors(await store.get(ref), `optimizer ${ref.sha256}`);
  return { step: Number(tensors.metadata.step), m: tensors.get('m')!.data, v: tensors.get('v')!.data };
}
