import type { Entry } from '../../../store/store.ts';
import type { Body } from '../strategies/strategy.ts';

const objects = new WeakMap<Entry, Body>();
const texts = new WeakMap<object, string>();

/** The object of an entry; its resourceVersion is the revision of its newest write. Decoded once per entry, shared by all readers. */
export function objectAt(entry: Entry): Body {
  const known = objects.get(entry);
  if (known) return known;
  const { buffer, byteOffset, byteLength } = entry.value;
  const object = withRevision(JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString('utf8')) as Body, entry.modRevision);
  objects.set(entry, object);
  return object;
}

/** The object as stored: without a resourceVersion. */
export function bytesOf(object: Body): Uint8Array {
  const { resourceVersion: _revision, ...metadata } = object.metadata;
  return Buffer.from(JSON.stringify({ ...object, metadata }));
}

export function withRevision(object: Body, revision: number): Body {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** JSON of a shared object: written once however many read it. */
export function jsonOf(object: object): string {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify(object);
  texts.set(object, text);
  return text;
}
