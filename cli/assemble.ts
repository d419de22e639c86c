/** `gtr assemble`: a LLaVA-architecture checkpoint from a language model, a vision tower and a new projector. */
import type { Command } from 'commander';
import { assemble } from '../core/policy/assemble/assemble.ts';
import { imageTokens } from '../core/policy/families/llava/llava-config.ts';
import { UsageError } from './errors.ts';

export function register(program: Command): void {
  program
    .command('assemble')
    .description('make a checkpoint from a language model, a vision tower and a new projector')
    .requiredOption('--language <folder>', 'language model in Hugging Face format')
    .requiredOption('--vision <folder>', 'vision model in Hugging Face format, or a checkpoint with a vision tower')
    .requiredOption('--out <folder>', 'checkpoint folder to write')
    .option('--seed <number>', "seed of the projector's random numbers", '1')
    .action(async (options: { language: string; vision: string; out: string; seed: string }) => {
      const seed = Number(options.seed);
      if (!Number.isSafeInteger(seed) || seed < 0)
        throw new UsageError(`--seed ${options.seed}: must be a whole number, 0 or more.`);
      const config = await assemble({ ...options, seed });
      const { vision, text, imageTokenId } = config;
      process.stdout.write(
        `${options.out}: a ${text.modelType} decoder of ${text.layers} layers, a vision tower of ` +
          `${vision.layers} layers (${imageTokens(config)} tokens a picture), a new projector; the image token ` +
          `is ${imageTokenId}\n`,
      );
    });
}
