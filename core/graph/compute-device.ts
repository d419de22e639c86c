/** The device that graphs run on: asked for by configuration, found on this machine. Plain data, so that it travels. */
import type { Provider } from './program.ts';
import type { VulkanDevice } from './vulkan.ts';

export type ComputeDevice = {
  provider: Provider;
  /** The device's own name; null for the CPU, and where it is unknown. */
  name: string | null;
  /** Its number among the provider's devices. */
  index: number;
  /** Bytes of its memory; null where they are not known. */
  memory: number | null;
  /** Vulkan's description; null where the provider does not use Vulkan. */
  limits: Pick<VulkanDevice, 'kind' | 'maxTensor' | 'float16'> | null;
  /** Dawn takes the discrete device first, or the integrated one. */
  powerPreference: 'high-performance' | 'low-power';
  /** Environment of the process that opens it. */
  environment: Readonly<Record<string, string>>;
};

export const CPU: ComputeDevice = {
  provider: 'cpu',
  name: null,
  index: 0,
  memory: null,
  limits: null,
  powerPreference: 'high-performance',
  environment: {},
};

/** The device as onnxruntime's execution providers and session configuration entries. */
export function executionProvider({ provider, index, powerPreference }: ComputeDevice): {
  executionProviders: ({ name: string; deviceId?: number } | string)[];
  extra: Record<string, unknown>;
} {
  if (provider === 'cuda') return { executionProviders: [{ name: 'cuda', deviceId: index }], extra: {} };
  return {
    executionProviders: [provider],
    extra: provider === 'webgpu' ? { ep: { webgpuexecutionprovider: { powerPreference } } } : {},
  };
}

/** What a run computes on, for people: `cpu`, `NAME (webgpu)`. */
export function deviceLabel({ provider, name }: ComputeDevice): string {
  return name === null ? provider : `${name} (${provider})`;
}

/** A device as text: its name, and what limits a run on it. */
export function describeDevice({ name, kind, memory, maxTensor, float16 }: VulkanDevice): string {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return (
    `${name} (${kind === 'cpu' ? 'software, ' : ''}${gibibytes(memory)} of memory, tensors up to ` +
    `${gibibytes(maxTensor)}, ${float16 ? '' : 'no '}float16)`
  );
}
