/** Which device a request selects: by number, by name, or by `auto`; errors name what a device lacks. */
import { chooseDevice, ProviderError, webgpuDevices } from '../../core/graph/provider.ts';
import { device, deviceTest } from './webgpu-device.ts';

deviceTest(
  'every device is taken by its number and by a part of its name; another is refused with the list',
  async (t) => {
    if (process.platform !== 'linux') return; // the system chooses
    const devices = await webgpuDevices();
    for (const [index, { name }] of devices.entries()) {
      if (devices.filter((one) => one.name === name).length > 1) continue; // Vulkan cannot tell them apart
      t.is((await chooseDevice({ provider: 'webgpu', device: index })).name, name);
      t.is((await chooseDevice({ provider: 'webgpu', device: name.toUpperCase() })).index, index);
    }
    for (const wanted of [devices.length, 'no such GPU'])
      await t.throwsAsync(chooseDevice({ provider: 'webgpu', device: wanted }), {
        instanceOf: ProviderError,
        message: `engine.device: there is no device ${wanted} among ${devices.map(({ name }, i) => `${i} (${name})`).join(', ')}`,
      });
  },
);

deviceTest('auto takes a GPU and no software device; 16-bit floats that are not there are refused', async (t) => {
  const { provider } = await chooseDevice({ provider: 'auto' });
  if (device.limits?.kind === 'cpu') t.not(provider, 'webgpu');
  else t.not(provider, 'cpu');
  await t.throwsAsync(chooseDevice({ provider: 'webgpu', precision: 'bfloat16' }), {
    message: /^engine\.precision: bfloat16 needs engine\.provider cuda; .* use float16 or float32$/,
  });
  if (device.limits?.float16 === false)
    await t.throwsAsync(chooseDevice({ provider: 'webgpu', precision: 'float16' }), {
      message: `engine.precision: ${device.name} has no 16-bit floats in kernels (WebGPU's shader-f16); use float32`,
    });
  else t.is((await chooseDevice({ provider: 'webgpu', precision: 'float16' })).name, device.name);
});
