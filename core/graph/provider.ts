/** Finds the device that a run wants to compute on, and whether onnxruntime can compute there. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { CPU, type ComputeDevice } from './compute-device.ts';
import type { Provider } from './program.ts';
import type { VulkanDevice } from './vulkan.ts';

/** An execution provider cannot be loaded or used on this machine. */
export class ProviderError extends Error {
  override name = 'ProviderError';
}

/** What a configuration asks for. */
export type DeviceRequest = {
  provider: Provider | 'auto';
  /** A device's number or (part of) its name where there are several; null: the provider's first. */
  device?: number | string | null;
  precision?: 'float32' | 'float16' | 'bfloat16';
};

/** A device as a provider lists it. */
export type ListedDevice = { name: string; memory: number | null };

/** The command that installs what `cuda` needs. */
export const INSTALL_CUDA = 'npm run install-cuda';

const found = new Map<string, Promise<ComputeDevice>>();

/**
 * The device for a request, after a trial run; `auto` takes the first of cuda, webgpu (on a hardware device) and cpu
 * that works. Chosen once per process. Throws `ProviderError` with one sentence that says what is missing.
 */
export function chooseDevice(request: DeviceRequest): Promise<ComputeDevice> {
  const { provider, device = null, precision = 'float32' } = request;
  // `gtr up --workers gpu:1` gives a worker its device.
  const wanted = process.env.GTR_DEVICE ?? device;
  const key = JSON.stringify([provider, wanted, precision]);
  let choice = found.get(key);
  if (choice === undefined) {
    choice = choose(provider, wanted, precision);
    found.set(key, choice);
    choice.catch(() => found.delete(key)); // so that it can be installed meanwhile
  }
  return choice;
}

async function choose(
  provider: Provider | 'auto',
  wanted: number | string | null,
  precision: NonNullable<DeviceRequest['precision']>,
): Promise<ComputeDevice> {
  if (provider === 'auto') {
    for (const one of ['cuda', 'webgpu'] as const) {
      const device = await choose(one, wanted, precision).catch(() => null);
      if (device !== null && device.limits?.kind !== 'cpu') return device;
    }
    return choose('cpu', wanted, precision);
  }
  if (precision === 'bfloat16' && provider !== 'cuda')
    throw new ProviderError(
      `engine.precision: bfloat16 needs engine.provider cuda; onnxruntime has no bfloat16 kernels for ${provider}: ` +
        `use ${provider === 'cpu' ? 'float32' : 'float16 or float32'}`,
    );
  if (provider === 'cpu') return CPU;
  const device = provider === 'cuda' ? await cudaDevice(wanted) : await vulkanDevice(wanted);
  if (precision === 'float16' && device.limits?.float16 === false)
    throw new ProviderError(
      `engine.precision: ${device.name} has no 16-bit floats in kernels (WebGPU's shader-f16); use float32`,
    );
  await tryOut(device);
  return device;
}

/** NVIDIA's devices that this process sees. Throws if there is no driver. */
export async function cudaDevices(): Promise<ListedDevice[]> {
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  const { stdout } = await promisify(execFile)(
    'nvidia-smi',
    [
      '--query-gpu=name,memory.total',
      '--format=csv,noheader,nounits',
      ...(visible === undefined || visible === '' ? [] : [`--id=${visible}`]),
    ],
    { encoding: 'utf8' },
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const comma = line.lastIndexOf(',');
      const mebibytes = Number(line.slice(comma + 1));
      return { name: line.slice(0, comma).trim(), memory: mebibytes > 0 ? mebibytes * 2 ** 20 : null };
    });
}

/** Vulkan's devices in the order in which Dawn takes them. Throws if there are none. */
export async function webgpuDevices(
  environment: Readonly<Record<string, string>> = {},
  powerPreference: ComputeDevice['powerPreference'] = 'high-performance',
): Promise<VulkanDevice[]> {
  const { stdout } = await child('list-vulkan.ts', [], environment);
  const order: VulkanDevice['kind'][] =
    powerPreference === 'high-performance' ? ['discrete', 'integrated'] : ['integrated', 'discrete'];
  const rank = ({ kind }: VulkanDevice) => [...order, 'cpu', 'virtual', 'other'].indexOf(kind);
  return (JSON.parse(stdout) as VulkanDevice[]).sort((a, b) => rank(a) - rank(b));
}

async function cudaDevice(wanted: number | string | null): Promise<ComputeDevice> {
  // A worker with an assigned device sees no other.
  const own = process.env.CUDA_VISIBLE_DEVICES !== undefined && wanted === process.env.GTR_DEVICE;
  const devices = await cudaDevices().catch((): ListedDevice[] => []);
  const index =
    own || devices.length === 0 ? Number.parseInt(String(own ? 0 : (wanted ?? 0)), 10) || 0 : pick(devices, wanted);
  return {
    ...CPU,
    provider: 'cuda',
    index,
    name: devices[index]?.name ?? null,
    memory: devices[index]?.memory ?? null,
  };
}

async function vulkanDevice(wanted: number | string | null): Promise<ComputeDevice> {
  // On other systems Dawn uses Metal or Direct3D, and takes the system's default device.
  if (process.platform !== 'linux') {
    if (wanted !== null && String(wanted) !== '0')
      throw new ProviderError(`engine.device: on ${process.platform} the system chooses the GPU; leave it null`);
    return { ...CPU, provider: 'webgpu' };
  }
  const devices = await webgpuDevices().catch((error) => {
    throw new ProviderError(cannot('webgpu', failureIn(outputOf(error)), REMEDIES.webgpu));
  });
  if (devices.length === 0) throw new ProviderError(cannot('webgpu', 'Vulkan finds no device', REMEDIES.webgpu));
  const index = pick(devices, wanted);
  const chosen = devices[index];
  const { name, memory, kind, maxTensor, float16, vendorId, deviceId } = chosen;
  const powerPreference = kind === 'integrated' ? 'low-power' : 'high-performance';
  const hex = (id: number) => `0x${id.toString(16)}`;
  // Vulkan's loader puts the chosen device first, or (if newer) hides all others.
  const environment: ComputeDevice['environment'] =
    index === 0
      ? {}
      : {
          VK_LOADER_DEVICE_SELECT: `${hex(vendorId)}:${hex(deviceId)}`,
          VK_LOADER_VENDOR_ID_FILTER: hex(vendorId),
          VK_LOADER_DEVICE_ID_FILTER: hex(deviceId),
        };
  if (index > 0) {
    const [first] = await webgpuDevices(environment, powerPreference);
    const twins = devices.filter((one) => one.vendorId === vendorId && one.deviceId === deviceId);
    if (first?.vendorId !== vendorId || first.deviceId !== deviceId || twins.length > 1)
      throw new ProviderError(
        `engine.device: Vulkan cannot be told to take ${name} (${index}) ` +
          `${twins.length > 1 ? 'among identical ones' : 'before the others'}; show this process that device alone: ` +
          `a container with one GPU, or VK_DRIVER_FILES`,
      );
  }
  return {
    provider: 'webgpu',
    name,
    index,
    memory,
    limits: { kind, maxTensor, float16 },
    powerPreference,
    environment,
  };
}

/** The index of the device that a number or a part of a name means. */
function pick(devices: readonly { name: string }[], wanted: number | string | null): number {
  const asNumber = wanted === null ? 0 : /^\d+$/.test(String(wanted)) ? Number(wanted) : null;
  const index = asNumber ?? devices.findIndex(({ name }) => name.toLowerCase().includes(String(wanted).toLowerCase()));
  if (index >= 0 && index < devices.length) return index;
  throw new ProviderError(
    `engine.device: there is no device ${wanted} among ${devices.map(({ name }, i) => `${i} (${name})`).join(', ')}`,
  );
}

const REMEDIES = {
  cuda: `\`${INSTALL_CUDA}\` installs its libraries; it also needs an NVIDIA driver; engine.provider cpu needs neither`,
  webgpu:
    'it needs a GPU driver for Vulkan and the Vulkan loader (Debian: libvulkan1); engine.provider cpu needs neither',
};

function cannot(provider: 'cuda' | 'webgpu', cause: string, remedy: string): string {
  return `engine.provider: onnxruntime cannot compute with ${provider} here (${cause}); ${remedy}`;
}

async function tryOut(device: ComputeDevice): Promise<void> {
  const provider = device.provider as 'cuda' | 'webgpu';
  await child('try-provider.ts', [JSON.stringify(device)], device.environment).catch((error) => {
    throw new ProviderError(cannot(provider, failureIn(outputOf(error)), REMEDIES[provider]));
  });
}

function child(script: string, args: string[], environment: Readonly<Record<string, string>>) {
  return promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, script), ...args],
    { encoding: 'utf8', env: { ...process.env, ...environment } },
  );
}

function outputOf(error: unknown): string {
  return String((error as { stderr?: string }).stderr || error);
}

/**
 * The cause in onnxruntime's words: a library that does not load, a failed CUDA call, no device, or else the last line.
 */
export function failureIn(output: string): string {
  const loading = /Failed to load library .*?(?<file>[^/\s]+) with error: (?:\S+\/)?(?<cause>[^\n]+)/.exec(
    output,
  )?.groups;
  if (loading !== undefined)
    return loading.cause.startsWith(loading.file) ? loading.cause : `${loading.file}: ${loading.cause}`;
  return (
    /CUDA failure \d+: [^;\n]+/.exec(output)?.[0].trim() ??
    /Failed to get a WebGPU adapter: [^\n]+/.exec(output)?.[0].trim() ??
    /^Error: ([^\n]+)/m.exec(output)?.[1].trim() ??
    output.trim().split('\n').at(-1)?.trim() ??
    'no reason given'
  );
}
