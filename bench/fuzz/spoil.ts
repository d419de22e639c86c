/** Makes foreign input: documents of the right form with a few faults. */
import fc from 'fast-check';

/** A value of the right form, or, now and then, anything. */
export function mostly(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue() });
}

/** An object with these fields, each mostly right, some missing. */
export function record(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  const entries = Object.entries(fields).map(([key, value]) => [key, mostly(value)]);
  return mostly(fc.record(Object.fromEntries(entries), { requiredKeys: [] }));
}

/** A replacement for a value: another one from the same document, a similar one, or anything. */
type Change = { at: number; kind: 'delete' | 'copy' | 'put'; from: number; value: unknown };

const odd = fc.constantFrom(null, '', -1, 0, 1e300, 0.5, 2 ** 53, true, [], {}, 'x', '../x', '\0', '__proto__', [[]]);
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('delete' as const, 'copy' as const, 'put' as const, 'put' as const),
  from: fc.nat(),
  value: fc.oneof(odd, fc.jsonValue()),
});

/** The document with one to four of its values, at any depth, deleted or exchanged. */
export function spoiledJson(document: unknown): fc.Arbitrary<unknown> {
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const root: { document: unknown } = { document: structuredClone(document) };
    for (const { at, kind, from, value } of changes) {
      const slots = slotsIn(root);
      if (slots.length === 0) break;
      const [holder, key] = slots[at % slots.length];
      const [otherHolder, otherKey] = slots[from % slots.length];
      if (kind === 'delete' && Array.isArray(holder)) holder.splice(Number(key), 1);
      else if (kind === 'delete') delete holder[key];
      else holder[key] = structuredClone(kind === 'copy' ? otherHolder[otherKey] : value);
    }
    return root.document;
  });
}

type Holder = Record<string, unknown>;

function slotsIn(holder: object): [Holder, string][] {
  return Object.entries(holder).flatMap(([key, value]) => [
    [holder as Holder, key] as [Holder, string],
    ...(typeof value === 'object' && value !== null ? slotsIn(value as object) : []),
  ]);
}

const edit = fc.record({
  at: fc.nat(),
  cut: fc.oneof(fc.nat(30), fc.nat()),
  put: fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', '(', ')', '{', '"', '"""', '#', ':', '\\', '\ud800')),
});

/** The text with one to three places cut out or written over. */
export function spoiledText(text: string): fc.Arbitrary<string> {
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) =>
    edits.reduce((changed, { at, cut, put }) => {
      const index = at % (changed.length + 1);
      return changed.slice(0, index) + put + changed.slice(index + (cut > 30 ? cut % (changed.length + 1) : cut));
    }, text),
  );
}

/** The bytes with a few of them changed, or cut short. */
export function spoiledBytes(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      end: fc.option(fc.nat(), { nil: null, freq: 3 }),
    })
    .map(({ changes, end }) => {
      const changed = Uint8Array.from(bytes);
      for (const [at, byte] of changes) changed[at % changed.length] = byte;
      return end === null ? changed : changed.subarray(0, end % (changed.length + 1));
    });
}

/** The document as JSON text, spoiled as a document or as a text. */
export function spoiledJsonText(document: unknown): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: spoiledJson(document).map((value) => JSON.stringify(value) ?? '') },
    { weight: 1, arbitrary: spoiledText(JSON.stringify(document)) },
  );
}
