/** A process that prints this machine's Vulkan devices as JSON: a crashing driver takes nothing else down. */
import { vulkanDevices } from './vulkan.ts';

process.stdout.write(JSON.stringify(vulkanDevices()));
