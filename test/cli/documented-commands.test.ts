/** Command lines in documents and in the verbs' help are ones that `gtr` takes. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { Command } from 'commander';
import { readConfig } from '../../cli/config-file.ts';
import { EXAMPLES } from '../../cli/examples.ts';
import { gtrProgram } from '../../cli/program.ts';
import { PROJECT } from '../../configs/project-folder.ts';
import { runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';
import { documents, shellBlocks } from '../documents.ts';

/** Verbs whose --config is a configuration of demonstrations; elsewhere it is a run's. */
const SCHEMAS: Record<string, typeof runConfigSchema | typeof sftConfigSchema> = { sft: sftConfigSchema };

/** RUN, DIR, TOKENS: what the reader puts a name, folder or number for. */
const PLACEHOLDER = /^[A-Z]+$/;

/** Words after each `./gtr` of a line, up to what ends a command in a shell. */
function gtrCommands(line: string): string[][] {
  return line
    .split(/\.\/gtr\s|\.\/gtr$/)
    .slice(1)
    .map((rest) => {
      const words: string[] = [];
      for (const [word] of rest.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
        if (/^(?:#|[|&;>)]|2>)/.test(word)) break;
        const ends = word.endsWith(';') || word.endsWith(')');
        words.push((ends ? word.slice(0, -1) : word).replaceAll(/["']/g, ''));
        if (ends) break;
      }
      return words;
    });
}

/** What is wrong with a command: a word of commander's or of the configuration's. */
function problem(words: string[]): string | null {
  const program = gtrProgram();
  let found: Command | null = null;
  const silence = (command: Command): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {} }).action((...all: unknown[]) => {
      found = all.at(-1) as Command;
    });
    command.commands.forEach(silence);
  };
  program.commands.forEach(silence);
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  try {
    program.parse(
      words.map((word) => (PLACEHOLDER.test(word) ? '1' : word)),
      { from: 'user' },
    );
    const verb = found as Command | null;
    const { config, model, set = [] } = verb?.opts<{ config?: string; model?: string; set?: string[] }>() ?? {};
    if (config !== undefined && existsIn(config))
      readConfig(SCHEMAS[verb!.name()] ?? runConfigSchema, config, [
        ...set,
        ...(model === undefined ? [] : [`model.base="${model}"`]),
      ]);
    return null;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === 'commander.helpDisplayed' || code === 'commander.version' ? null : message;
  }
}

/** Whether the project has this configuration: a reader's own file (my-run.json) need not exist. */
function existsIn(config: string): boolean {
  return existsSync(path.join(PROJECT, config)) || existsSync(path.join(PROJECT, 'configs', `${config}.json`));
}

test('command lines in documents are ones that gtr takes, with fields that configurations have', (t) => {
  const wrong: string[] = [];
  let tried = 0;
  for (const { file, markdown } of documents())
    for (const line of shellBlocks(markdown).flatMap((block) => block.split('\n')))
      for (const words of gtrCommands(line)) {
        tried++;
        const found = problem(words);
        if (found !== null) wrong.push(`${file}: gtr ${words.join(' ')}: ${found}`);
      }
  t.true(tried > 50, String(tried));
  t.deepEqual(wrong, []);
});

test('examples in the help of verbs are ones that gtr takes', (t) => {
  const wrong = Object.values(EXAMPLES)
    .flat()
    .flatMap(([line]) => gtrCommands(`./gtr ${line}`))
    .flatMap((words) => problem(words) ?? []);
  t.deepEqual(wrong, []);
});

test('a command that gtr does not take is found', (t) => {
  t.regex(problem(['train', 'configs/smoke.json'])!, /required option '--config <file>'/);
  t.regex(problem(['trian'])!, /trian/);
  t.regex(problem(['train', '--id', 'a', '--config', 'smoke', '--set', 'ppo.epoch=2'])!, /epoch/);
  t.is(problem(['train', '--id', 'a', '--config', 'smoke', '--set', 'ppo.epochs=2']), null);
});
