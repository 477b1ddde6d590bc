import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { spdyDictionary } from './dictionary.ts';
import { HeaderDeflater, HeaderInflater, uint32 } from './header-block.ts';
import { SpdySession, type SpdyStream } from './session.ts';

test('the dictionary is the one of the specification', () => {
  let [a, b] = [1, 0];
  for (const byte of spdyDictionary) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  assert.equal(((b << 16) | a) >>> 0, 0xe3c6a7c2);
});

test('header blocks of one direction share one window', () => {
  const [deflater, inflater] = [new HeaderDeflater(), new HeaderInflater()];
  const first = { streamtype: 'error', port: '80' };
  assert.deepEqual(inflater.read(deflater.write(first)), first);
  assert.deepEqual(inflater.read(deflater.write({ streamtype: 'data' })), { streamtype: 'data' });
});

function control(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.from([0x80, 3, 0, type, flags, 0, 0, 0]);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

test('a stream is opened, echoed and half-closed', async () => {
  const [client, server] = duplexPair();
  const session = new SpdySession(server);
  const opened = once(session, 'stream');
  const headers = new HeaderDeflater().write({ StreamType: 'data' });
  client.write(control(1, 0, Buffer.concat([uint32(1), uint32(0), Buffer.alloc(2), headers])));
  client.write(Buffer.concat([uint32(1), Buffer.from([1, 0, 0, 5]), Buffer.from('hello')]));
  const [stream] = (await opened) as [SpdyStream];
  assert.equal(stream.headers['streamtype'], 'data');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), 'hello');
  stream.end('bye');
  await once(stream, 'finish');
  const received = client.read() as Buffer;
  assert.equal(received.readUInt16BE(2), 2);
  assert(received.includes(Buffer.concat([uint32(1), Buffer.from([0, 0, 0, 3]), Buffer.from('bye')])));
  client.destroy();
  server.destroy();
});
