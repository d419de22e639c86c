import test from 'ava';
import { costUsd, imageTokens, PRICE_TABLE, pricesOf } from '../../core/corrector/prices.ts';

test('cached tokens are part of the prompt and cost their own price', (t) => {
  // 600 fresh x 2.50 + 400 cached x 1.25 + 100 x 10.00, per million
  t.is(
    costUsd({ promptTokens: 1000, cachedTokens: 400, completionTokens: 100 }, pricesOf('gpt-4o')),
    (600 * 2.5 + 400 * 1.25 + 100 * 10) / 1e6,
  );
});

test('a snapshot costs what its model does, unless it has its own row; an unknown model has an unknown cost', (t) => {
  t.is(pricesOf('gpt-4o-2024-08-06'), PRICE_TABLE['gpt-4o']);
  t.is(pricesOf('gpt-4o-2024-05-13')!.prompt, 5);
  t.is(pricesOf('llama-3'), null);
  t.is(pricesOf('gpt-4o-audio'), null);
  t.is(costUsd({ promptTokens: 10, cachedTokens: 0, completionTokens: 10 }, pricesOf('llama-3')), null);
});

test('every row is dated and cached tokens never cost more', (t) => {
  for (const [model, { prompt, cached, completion, asOf }] of Object.entries(PRICE_TABLE)) {
    t.regex(asOf, /^20\d\d-\d\d-\d\d$/, model);
    t.true(cached <= prompt && prompt < completion, model);
  }
});

test('a picture of 300 px: one tile, or 100 patches', (t) => {
  t.is(imageTokens('gpt-4o', 300, 'auto'), 85 + 170);
  t.is(imageTokens('gpt-4o-2024-08-06', 300, 'low'), 85);
  t.is(imageTokens('gpt-4o', 1024, 'high'), 85 + 4 * 170); // shown at 768 px: two tiles a side
  t.is(imageTokens('gpt-4o-mini', 300, 'high'), 2833 + 5667);
  t.is(imageTokens('gpt-4.1-mini', 300, 'auto'), 162);
  t.is(imageTokens('my-own-model', 300, 'auto'), 255);
});
