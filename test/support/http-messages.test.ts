import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpMessages } from './http-messages.ts';

const wire = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n these are bytes of another protocol',
].join('');

test('messages by length, in chunks, without a body; nothing after an upgrade; however they are cut', () => {
  for (const size of [1, 7, wire.length]) {
    const seen: string[] = [];
    const messages = new HttpMessages(({ startLine, body }) => seen.push(`${startLine.slice(9, 12)} ${body.toString()}`));
    for (let at = 0; at < wire.length; at += size) messages.feed(Buffer.from(wire.slice(at, at + size)));
    assert.deepEqual(seen, ['200 {}', '200 abcd', '204 ', '101 ']);
  }
});

test('an answer to HEAD has no body', () => {
  const seen: string[] = [];
  const messages = new HttpMessages(({ startLine }) => seen.push(startLine), { hasNoBody: () => true });
  messages.feed(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n'));
  assert.equal(seen.length, 2);
});

test('a large body is passed over', () => {
  const seen: number[] = [];
  const messages = new HttpMessages(({ body }) => seen.push(body.length), { largestBody: 10 });
  messages.feed(
    Buffer.from(`PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\n${'x'.repeat(100)}PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab`),
  );
  assert.deepEqual(seen, [0, 2]);
});
