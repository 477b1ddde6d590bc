import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { digestOf } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import type { Incoming, Outgoing } from './exchange.ts';
import { Upload, type UploadCalls } from './upload.ts';

/** A registry that keeps to the specification, on connections that break by plan. */
class RegistryOfOneUpload implements UploadCalls {
  readonly signal = new AbortController().signal;
  /** Of each request: bytes of its body that arrive before the connection breaks; `answer`: all of them, but nobody hears. */
  readonly breaks: (number | 'answer' | undefined)[];
  data = Buffer.alloc(0);
  stored: string | undefined;
  sent = 0;
  asked = 0;

  constructor(breaks: readonly (number | 'answer' | undefined)[]) {
    this.breaks = [...breaks];
  }

  async send(place: string, { method, headers, body = Buffer.alloc(0) }: Outgoing): Promise<Incoming> {
    if (method === 'GET') {
      this.asked += 1;
      return answer(204, { range: `0-${Math.max(this.data.length - 1, 0)}`, location: `/at/${this.data.length}` });
    }
    if (method === 'PUT') {
      const end = this.breaks.shift();
      if (end === undefined || end === 'answer') this.stored = digestOf(this.data);
      if (end !== undefined) throw new KindError('unavailable', 'connection reset');
      assert.equal(new URL(place, 'http://x').searchParams.get('digest'), this.stored);
      return answer(201, { 'docker-content-digest': this.stored ?? '' });
    }
    const [, from, to] = /^(\d+)-(\d+)$/.exec(headers?.['content-range'] ?? '') ?? [];
    assert.equal(Number(from), this.data.length, 'chunks come in order');
    assert.equal(Number(to), this.data.length + body.length - 1);
    const end = this.breaks.shift();
    const taken = typeof end === 'number' ? body.subarray(0, end) : body;
    this.sent += taken.length;
    this.data = Buffer.concat([this.data, taken]);
    if (end !== undefined) throw new KindError('unavailable', 'connection reset');
    return answer(202, { location: `/at/${this.data.length}` });
  }

  async has(): Promise<boolean> {
    return this.stored !== undefined;
  }
}

function answer(status: number, headers: Readonly<Record<string, string>>): Incoming {
  return { url: new URL('http://registry/'), status, statusText: '', headers, body: Readable.from([]) as unknown as IncomingMessage };
}

const blob = Buffer.alloc(20_000_000, 'what is uploaded');

async function upload(registry: RegistryOfOneUpload): Promise<void> {
  const one = new Upload('/at/0', registry);
  await one.send(Readable.from([blob.subarray(0, 5_000_000), blob.subarray(5_000_000)]));
  await one.finish(digestOf(blob));
}

const cases: Readonly<Record<string, readonly (number | 'answer' | undefined)[]>> = {
  'nothing breaks': [],
  'the first bytes are lost': [0],
  'in the middle of a chunk, twice': [3_000_000, 1_000_000],
  'the answer to a chunk is lost': ['answer', undefined, 'answer'],
  'before the end was taken': [undefined, undefined, undefined, 0],
  'the answer to the end is lost': [undefined, undefined, undefined, 'answer'],
};

for (const [title, breaks] of Object.entries(cases))
  test(`an upload goes on where it was: ${title}`, async () => {
    const registry = new RegistryOfOneUpload(breaks);
    await upload(registry);
    assert.ok(registry.data.equals(blob));
    assert.equal(registry.sent, blob.length, 'no byte twice');
    assert.equal(registry.stored, digestOf(blob));
  });

test('an upload that gets nowhere is given up; one that the registry has lost is told as such, so that it is begun again', async () => {
  await assert.rejects(upload(new RegistryOfOneUpload(Array.from({ length: 9 }, () => 0))), { kind: 'unavailable', message: /reset/ });
  const registry = new RegistryOfOneUpload([100]);
  const send = registry.send.bind(registry);
  registry.send = async (place, outgoing) => {
    if (outgoing.method === 'GET') throw new KindError('notFound', 'blob upload invalid');
    return send(place, outgoing);
  };
  await assert.rejects(upload(registry), { kind: 'unavailable', message: /the registry no longer knows the upload: blob upload invalid/ });
});
