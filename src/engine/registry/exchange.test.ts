import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { HttpConnections } from './exchange.ts';

test('given up at any moment of an answer and after it, a request ends in no error that nobody hears; the next is answered', async () => {
  await using server = createServer((_request, response) => void response.end('x'.repeat(1000)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  using connections = new HttpConnections({ verifies: true, ca: [] });
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on('uncaughtException', hear);
  try {
    for (const moment of ['head', 'data', 'complete', 'end', 'microtask', 'tick', 'close']) {
      for (let time = 0; time < 5; time += 1) {
        const stop = new AbortController();
        const { body } = await connections.send(url, { method: 'GET' }, stop.signal);
        body.on('error', () => undefined);
        const abort = (): void => stop.abort();
        // All of it has come, nobody has read it.
        while (moment === 'complete' && !body.complete) await new Promise((resolve) => setImmediate(resolve));
        if (moment === 'head' || moment === 'complete') abort();
        if (moment === 'microtask') body.once('end', () => queueMicrotask(abort));
        else if (moment === 'tick') body.once('end', () => process.nextTick(abort));
        else body.once(moment, abort);
        const over = new Promise((resolve) => body.once('close', resolve));
        body.resume();
        await over;
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(unheard, []);
    const { status, body } = await connections.send(url, { method: 'GET' }, new AbortController().signal);
    assert.equal(status, 200);
    body.resume();
    await once(body, 'end');
  } finally {
    process.off('uncaughtException', hear);
  }
});
