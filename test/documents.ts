/** The project's documents, for tests of the commands in them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PROJECT } from '../configs/project-folder.ts';

export function documents(): { file: string; markdown: string }[] {
  return execFileSync('git', ['ls-files', '*.md'], { cwd: PROJECT, encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((file) => ({ file, markdown: readFileSync(path.join(PROJECT, file), 'utf8') }));
}

/** Shell blocks, continued lines joined. */
export function shellBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block.replaceAll(/\\\n\s*/g, ''));
}
