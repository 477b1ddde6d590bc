import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import type { WriteStream } from 'node:tty';
import { Progress } from './progress.ts';

/** A stream that is no terminal, and what was written to it without the times. */
function sink(): { readonly stream: WriteStream; readonly lines: () => readonly string[] } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const lines = (): readonly string[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/\s+[\d.]+ s$/, '').trimEnd());
  return { stream: stream as unknown as WriteStream, lines };
}

test('rows that line up, each once when it ended; the result is the last detail', async () => {
  const { stream, lines } = sink();
  await new Progress(stream).section('Images', async (rows) => {
    await rows.row('first', async (report) => {
      report('working');
      return 'built';
    });
    await rows.row('second', async (report) => report('a\n  detail'));
  });
  assert.deepEqual(lines(), ['Images', `  ✓ ${'first'.padEnd(26)} built`, `  ✓ ${'second'.padEnd(26)} a detail`]);
});

test('a row that failed says so and passes the error on; one that was stopped is no failure', async () => {
  const { stream, lines } = sink();
  const fail = new Progress(stream).section('Cluster', async (rows) => {
    await rows.row('stopped', () => Promise.reject(new DOMException('stop', 'AbortError'))).catch(() => undefined);
    await rows.row('failed', () => Promise.reject(new Error('no')));
  });
  await assert.rejects(fail, { message: 'no' });
  assert.deepEqual(lines(), ['Cluster', '  · stopped', '  ✗ failed']);
});
