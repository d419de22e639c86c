/** A process that prints this machine's Vulkan devices as JSON: a driver that crashes takes nothing else with it. */
import { vulkanDevices } from './vulkan.ts';

process.stdout.write(JSON.stringify(vulkanDevices()));
