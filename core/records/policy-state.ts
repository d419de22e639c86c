/** Policies and optimizers as artifacts: safetensors with the trained parameters, and Adam's moments. */
import type { ArtifactRef, ArtifactStore, Owner } from '../artifacts/store.ts';
import { decodeSafetensors, safetensorsPieces } from '../graph/safetensors.ts';
import type { AdamState } from '../learner/adam.ts';
import type { Parameters, PolicyEngine } from '../policy/policy-engine.ts';
import { asParameters } from '../policy/trained-parameters.ts';

/** The state that training continues from. */
export type PolicyState = { parameters: Float32Array; adam: AdamState };

/**
 * Stores both for an owner, who holds them. Neither may change until it resolves, because they are not copied. Trained
 * parameters are stored under their canonical names.
 */
export async function putState(
  store: ArtifactStore,
  engine: Pick<PolicyEngine, 'trained'>,
  { parameters, adam }: PolicyState,
  owner: Owner,
): Promise<{ policy: ArtifactRef; optimizer: ArtifactRef }> {
  return {
    policy: await putPolicy(store, engine, parameters, owner),
    optimizer: await putOptimizer(store, adam, owner),
  };
}

function putPolicy(
  store: ArtifactStore,
  engine: Pick<PolicyEngine, 'trained'>,
  flat: Float32Array,
  owner: Owner,
): Promise<ArtifactRef> {
  return putTrained(store, asParameters(engine.trained, flat), owner);
}

/** Stores trained parameters for an owner, without an engine. */
export function putTrained(store: ArtifactStore, trained: Parameters, owner: Owner): Promise<ArtifactRef> {
  const tensors = [...trained].map(([name, tensor]) => ({ name, ...tensor }));
  return store.putHeld(owner, 'policy', safetensorsPieces(tensors));
}

/** The trained parameters by canonical name, without an engine. */
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

function putOptimizer(store: ArtifactStore, { step, m, v }: AdamState, owner: Owner): Promise<ArtifactRef> {
  const tensors = [
    { name: 'm', shape: [m.length], data: m },
    { name: 'v', shape: [v.length], data: v },
  ];
  return store.putHeld(owner, 'optimizer', safetensorsPieces(tensors, { step: String(step) }));
}

export async function getOptimizer(store: ArtifactStore, ref: ArtifactRef): Promise<AdamState> {
  const tensors = decodeSafetensors(await store.get(ref), `optimizer ${ref.sha256}`);
  return { step: Number(tensors.metadata.step), m: tensors.get('m')!.data, v: tensors.get('v')!.data };
}
