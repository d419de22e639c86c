/** Prompt templates: refused where they would lose a part of the prompt. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ConfigError } from '../../configs/schema.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gtr-template-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const load = (prompt: string) => {
  const file = path.join(folder, 'template.json');
  const thought = { thoughts: 'reach {target}' };
  writeFileSync(file, JSON.stringify({ environment: 'points24', prompt, keys: ['thoughts', 'action'], thought }));
  return loadPromptTemplate(file, 'points24');
};

test('a template holds the image mark once, wherever', (t) => {
  for (const prompt of ['<image>{formula}', 'of {formula}\n<image>\nnext', '<image>'])
    t.is(load(prompt).prompt, prompt);
  for (const prompt of ['<image><image>{formula} <image> tail 24', '<image> and <image>', '{formula}', ''])
    t.throws(() => load(prompt), {
      instanceOf: ConfigError,
      message: /template\.json: prompt: must contain the image mark <image> once/,
    });
});
