import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { replayGymCards } from '../../core/envs/conformance-gymcards.ts';

const excerpt = path.resolve(import.meta.dirname, 'gymcards-excerpt.jsonl.gz');
const folder = mkdtempSync(path.join(tmpdir(), 'gtr-gymcards-'));

/** A recording with one changed line. */
function recording(name: string, line: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, line);
  return file;
}

test('recorded episodes of all four original games are reproduced step by step', (t) => {
  const replayed = [...replayGymCards(excerpt)];
  t.deepEqual(
    replayed.filter(({ difference }) => difference !== null),
    [],
  );
  for (const env of ['Points24', 'EZPoints', 'NumberLine', 'Blackjack'])
    t.true(replayed.filter((episode) => episode.env === env).length >= 10, env);
});

test('any changed reward, end, formula, position or hand is noticed', (t) => {
  const episodes = gunzipSync(readFileSync(excerpt))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const env of ['Points24', 'EZPoints', 'NumberLine', 'Blackjack']) {
    const episode = episodes.find((candidate) => candidate.env === env);
    for (const key of Object.keys(episode.steps[0]).filter((key) => key !== 'action')) {
      const changed = structuredClone(episode);
      const value = changed.steps[0][key];
      changed.steps[0][key] =
        typeof value === 'number'
          ? value + 1
          : typeof value === 'boolean'
            ? !value
            : key === 'formula'
              ? [...value, '7']
              : [...value, ['7', '7', 'S']];
      const [{ difference }] = replayGymCards(recording('changed.jsonl', JSON.stringify(changed)));
      t.regex(difference ?? '', /^step 1 \(.+\): /, `${env} ${key}`);
    }
  }
});

test('a file that is not a recording is refused with its line', (t) => {
  t.throws(() => [...replayGymCards(recording('text.jsonl', '{"env": "Points24"'))], {
    name: 'ConfigError',
    message: /text\.jsonl, line 1: is not JSON/,
  });
  t.throws(() => [...replayGymCards(recording('other.jsonl', '\n{"env": "Chess"}'))], {
    name: 'ConfigError',
    message: /other\.jsonl, line 2: env: /,
  });
});
