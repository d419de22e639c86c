/** The device of these tests: the first that Vulkan names, or SwiftShader where Debian's chromium has brought it. */
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { ComputeDevice } from '../../core/graph/compute-device.ts';
import { chooseDevice } from '../../core/graph/provider.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

const find = () => chooseDevice({ provider: 'webgpu' }).catch((error: Error) => error);

async function findDevice(): Promise<ComputeDevice | Error> {
  const own = await find();
  if (!(own instanceof Error) || !existsSync(SWIFTSHADER) || process.env.VK_DRIVER_FILES !== undefined) return own;
  Object.assign(process.env, {
    VK_DRIVER_FILES: SWIFTSHADER,
    VK_ICD_FILENAMES: SWIFTSHADER,
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp',
  });
  return find();
}

const found = await findDevice();

/** What onnxruntime computes on with WebGPU. */
export const device = found as ComputeDevice;

type Declare = (title: string, run: (t: ExecutionContext) => Promise<void>) => void;

/** Skipped, with the reason in its title, where there is no device. */
export const deviceTest: Declare =
  found instanceof Error
    ? (title, run) => test.skip(`${title} (no device: ${found.message})`, run)
    : (title, run) => test.serial(title, run);

/** Skipped also where the device's kernels compute no float16. */
export const float16Test: Declare =
  found instanceof Error || found.limits?.float16 !== false
    ? deviceTest
    : (title, run) => test.skip(`${title} (${found.name} has no float16)`, run);
