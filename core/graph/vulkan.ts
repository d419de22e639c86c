/**
 * What Vulkan says of this machine's devices: names, limits, memory. Dawn, onnxruntime's WebGPU implementation, uses
 * Vulkan on Linux and exposes none of this itself. Offsets are those of vulkan_core.h on 64-bit machines.
 */
import koffi from 'koffi';

/** One Vulkan device; sizes in bytes. */
export type VulkanDevice = {
  name: string;
  /** `cpu`: a software device. */
  kind: 'other' | 'integrated' | 'discrete' | 'virtual' | 'cpu';
  vendorId: number;
  deviceId: number;
  /**
   * The largest tensor that every kernel can take. A binding shows a kernel a part of a buffer; onnxruntime gives a
   * larger tensor several bindings, up to a kernel's limit for all its tensors together.
   */
  maxTensor: number;
  /** Device-local memory. */
  memory: number;
  /** Whether kernels compute in float16 (WebGPU's shader-f16). */
  float16: boolean;
};

/** The most storage buffers that Dawn gives a kernel. */
const MOST_BINDINGS = 16;
/** The most tensors of the largest size in one kernel: both operands and the result of a sum. */
const LARGE_TENSORS = 3;
const KINDS = ['other', 'integrated', 'discrete', 'virtual', 'cpu'] as const;
const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = { linux: 'libvulkan.so.1', win32: 'vulkan-1.dll' };

/** In Vulkan's order. Throws where there is no Vulkan library, or no driver for it. */
export function vulkanDevices(): VulkanDevice[] {
  const library = LIBRARIES[process.platform];
  if (library === undefined) throw new Error(`Vulkan is not asked on ${process.platform}`);
  const vulkan = koffi.load(library);
  const call = (name: string, result: string, count: number) =>
    vulkan.func(name, result, new Array<string>(count).fill('void *'));
  const block = (type: number, bytes: number, next: unknown = null) => {
    const memory = koffi.alloc('uint8', bytes) as unknown;
    koffi.encode(memory, 'uint8', new Uint8Array(bytes), bytes);
    koffi.encode(memory, 0, 'uint32', type);
    koffi.encode(memory, 8, 'void *', next);
    return memory;
  };
  const read = (memory: unknown, offset: number, type: string) => Number(koffi.decode(memory, offset, type));

  const application = block(0, 48);
  koffi.encode(application, 44, 'uint32', (1 << 22) | (1 << 12));
  const request = block(1, 64);
  koffi.encode(request, 24, 'void *', application);
  const handle = koffi.alloc('void *', 1) as unknown;
  const created = Number(call('vkCreateInstance', 'int', 3)(request, null, handle));
  if (created !== 0) throw new Error(`Vulkan finds no driver (vkCreateInstance gives ${created})`);
  const instance: unknown = koffi.decode(handle, 'void *');
  try {
    const enumerate = call('vkEnumeratePhysicalDevices', 'int', 3);
    const count = koffi.alloc('uint32', 1) as unknown;
    enumerate(instance, count, null);
    const handles = koffi.alloc('void *', Math.max(1, read(count, 0, 'uint32'))) as unknown;
    enumerate(instance, count, handles);
    return Array.from({ length: read(count, 0, 'uint32') }, (_, index) => {
      const device: unknown = koffi.decode(handles, index * 8, 'void *');
      const allocation = block(1000168000, 32);
      const properties = block(1000059001, 1024, allocation);
      call('vkGetPhysicalDeviceProperties2', 'void', 2)(device, properties);
      const storage16 = block(1000083000, 32);
      const arithmetic16 = block(1000082000, 32, storage16);
      call('vkGetPhysicalDeviceFeatures2', 'void', 2)(device, block(1000059000, 256, arithmetic16));
      const memory = block(0, 1024);
      call('vkGetPhysicalDeviceMemoryProperties', 'void', 2)(device, memory);
      const heaps = Array.from({ length: read(memory, 260, 'uint32') }, (_, heap) => ({
        size: read(memory, 264 + 16 * heap, 'uint64'),
        local: (read(memory, 272 + 16 * heap, 'uint32') & 1) === 1,
      }));
      // VkPhysicalDeviceProperties begin at 16, their limits 296 later.
      const maxBuffer = read(allocation, 24, 'uint64');
      const maxBinding = Math.min(maxBuffer, read(properties, 16 + 296 + 28, 'uint32'));
      const bindings = Math.min(MOST_BINDINGS, read(properties, 16 + 296 + 76, 'uint32'));
      return {
        name: String(koffi.decode(properties, 36, 'char', 256)).split('\0')[0],
        kind: KINDS[read(properties, 32, 'uint32')] ?? 'other',
        vendorId: read(properties, 24, 'uint32'),
        deviceId: read(properties, 28, 'uint32'),
        maxTensor: Math.min(maxBuffer, maxBinding * Math.max(1, Math.floor(bindings / LARGE_TENSORS))),
        memory: Math.max(0, ...heaps.filter(({ local }) => local).map(({ size }) => size)),
        float16: read(arithmetic16, 16, 'uint32') === 1 && [16, 20].every((at) => read(storage16, at, 'uint32') === 1),
      };
    });
  } finally {
    call('vkDestroyInstance', 'void', 2)(instance, null);
  }
}
