/** The HTML report of whole, young and damaged runs. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import type { ThoughtSample } from '../../core/learner/thought-samples.ts';
import { html } from '../../core/report/html.ts';
import { writeReport } from '../../core/report/write-report.ts';
import { CONFIG, evaluationOf, SAMPLES, type SyntheticRun, syntheticRun } from './synthetic-run.ts';

const report = async (
  { folder, store }: Pick<SyntheticRun, 'folder' | 'store'>,
  {
    config = CONFIG,
    runId = 'run-1',
    status = 'done',
    device,
  }: Partial<Parameters<typeof writeReport>[0]> & { device?: string } = {},
) => {
  const records = { start: { config, startedAt: 0, device } };
  return await readFile(await writeReport({ folder, store, runId, config, status, records }), 'utf8');
};

/** The tags in their order, without attributes. */
const tags = (page: string) => page.match(/<\/?[a-z][a-z0-9]*/gi)!;
const count = (page: string, part: string) => page.split(part).length - 1;

test('values in templates are text unless they are HTML', (t) => {
  t.is(
    html`<p title="${'"><script>'}">${'a & b'} ${html`<b>${1}</b>`} ${['x', html`<i>`]}${null}</p>`.text,
    '<p title="&quot;&gt;&lt;script&gt;">a &amp; b <b>1</b> x<i></p>',
  );
  t.is(html`${"it's\u0000"}`.text, 'it&#39;s\ufffd');
});

test('a finished run: headline, curves, samples of three iterations, configuration', async (t) => {
  const page = await report(
    await syntheticRun(12, { evaluations: { start: evaluationOf(0.14), final: evaluationOf(0.55) } }),
  );
  t.true(page.startsWith('<!doctype html>'));
  t.true(page.includes('<span class="from">14 % →</span> 55 %'));
  t.true(page.includes('49.3 % to 60.5 %')); // Wilson interval of 165 of 300
  t.true(page.includes('Success on held-out deals'));
  t.deepEqual(
    [...page.matchAll(/<h3>Iteration (\d+)/g)].map(([, iteration]) => iteration),
    ['1', '7', '12'],
  );
  t.is(count(page, 'src="data:image/png;base64,iVBOR'), 3 * SAMPLES.length);
  t.is(count(page, '<ins>'), 3 * 3); // 3 changed places of the one correction
  t.true(page.includes('<ins>5*4=20</ins>') && page.includes('<del>10-4=6</del>'));
  t.true(page.includes('3600')); // correction rows after the last iteration
  for (const title of [
    'Success',
    'Self-BLEU-2',
    'SFT loss',
    'KL from the sampling policy',
    'Gradient norm',
    'Time per iteration',
  ])
    t.true(page.includes(`<b>${title}</b>`), title);
  t.true(page.includes('<tr><th>scheduleIterations</th><td>25</td></tr>'));
  t.false(/NaN|undefined|Infinity|\[object/.test(page));
});

test('what was chosen to compute on is named', async (t) => {
  const run = await syntheticRun(1);
  const page = await report(run, { device: 'A <GPU> (webgpu), chosen by auto' });
  t.true(page.includes('computed on <b>A &lt;GPU&gt; (webgpu), chosen by auto</b>'));
  t.false((await report(run)).includes('computed on'));
});

test('every element that is opened is closed', async (t) => {
  const page = await report(await syntheticRun(3, { evaluations: { start: evaluationOf(0.14) } }));
  const open: string[] = [];
  for (const [, end, name, selfClosed] of page
    .replace(/<style>[^]*?<\/style>/, '')
    .matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^>]*?)?(\/?)>/g)) {
    if (selfClosed || ['meta', 'img', 'br'].includes(name)) continue;
    if (end) t.is(open.pop(), name);
    else open.push(name);
  }
  t.deepEqual(open, []);
});

test('a thought stands beside what the agent was told', async (t) => {
  t.regex(await report(await syntheticRun(1)), /class="told">formula <b>\(6-1<\/b>/);
});

test('nothing is loaded from anywhere and no script runs', async (t) => {
  const page = await report(await syntheticRun(2));
  t.false(/<(script|link|iframe|object|embed|base)\b|\bon\w+="|url\(|@import|https?:|javascript:/i.test(page));
  t.true(
    [...page.matchAll(/\b(?:src|href)="([^"]*)"/g)].every(([, target]) => target.startsWith('data:image/png;base64,')),
  );
});

test('hostile text changes no markup', async (t) => {
  const pageWith = async (word: string) => {
    const thought = { [word]: word, thoughts: `${word} a` };
    const corrected: ThoughtSample = {
      ...SAMPLES[0],
      text: JSON.stringify(thought),
      action: word,
      verdict: { outcome: 'corrected', target: word, correction: { thoughts: `b ${word}` }, action: word },
    };
    const malformed: ThoughtSample = { ...SAMPLES[2], text: word, verdict: { outcome: 'unusable', reason: 'schema' } };
    const run = await syntheticRun(1, {
      samples: [corrected, malformed],
      change: (metrics) => ({ ...metrics, [word]: 1 }),
    });
    const model = { ...CONFIG.model, base: word };
    return await report(run, { config: { ...CONFIG, title: word, model }, runId: word, status: word });
  };
  const [hostile, harmless] = [
    await pageWith(`"></title></style><script>alert('1')</script><img/src=x/onerror=alert(1)>&amp;`),
    await pageWith('word'),
  ];
  t.deepEqual(tags(hostile), tags(harmless));
  t.is(count(hostile, 'onerror'), count(hostile, '&lt;img/src=x/onerror=alert(1)&gt;&amp;amp;')); // only ever as text
  t.true(count(hostile, '&lt;script&gt;') >= 10);
});

test('a run that has just begun says so', async (t) => {
  const page = await report(await syntheticRun(0), { status: 'running' });
  t.is(count(page, 'No iteration is done yet.'), 2);
  t.true(page.includes('not evaluated') && page.includes('0 of 12'));
});

test('one iteration that measured nothing still has every chart', async (t) => {
  const run = await syntheticRun(1, {
    evaluations: { start: evaluationOf(0.14) },
    change: (metrics) => Object.fromEntries(Object.keys(metrics).map((name) => [name, null])),
  });
  const page = await report(run, { status: 'running' });
  t.is(count(page, '<figure>'), 21);
  t.is(count(page, 'not measured'), 20); // all but success, which shows the evaluation
  t.true(page.includes('cost unknown'));
  t.false(/NaN|undefined|Infinity/.test(page));
});

test('charts of a merged teacher and of groups come with their metrics', async (t) => {
  const page = await report(await syntheticRun(2));
  t.false(page.includes('Distance from the teacher') || page.includes('Groups of episodes'));
  const measured = await report(
    await syntheticRun(2, { change: (metrics) => ({ ...metrics, 'teacher/checkpoints': 1, 'group/count': 8 }) }),
  );
  t.true(measured.includes('Distance from the teacher') && measured.includes('Groups of episodes'));
});

test('samples that are missing, and states that cannot be drawn, are said in their place', async (t) => {
  const run = await syntheticRun(3);
  const { store } = await syntheticRun(0, { samples: [] });
  const page = await report({ folder: run.folder, store });
  t.is(count(page, 'No samples: Artifact samples'), 3);
  const elsewhere = await report(run, { config: { ...CONFIG, environment: { ...CONFIG.environment, name: 'chess' } } });
  t.is(count(elsewhere, 'No picture: environment.name: unknown environment &quot;chess&quot;'), 3 * SAMPLES.length);
});

test('the same run gives the same file', async (t) => {
  const run = await syntheticRun(2, { evaluations: { start: evaluationOf(0.14) } });
  t.is(await report(run), await report(run));
});
