import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHook } from './lifecycle.ts';
import { appContainer, podOf } from './pod.fake.ts';

const target = { pod: podOf(), container: appContainer(), containerId: 'c1', ip: '127.0.0.1' };
const where = 'for Container "app" in Pod "web_default(u1)" failed - error:';
const ending = (exitCode: number, output: string): Parameters<typeof runHook>[2] => ({
  run: async () => ({ exitCode, output, timedOut: false }),
});

test('a command that fails is told with its code and what it said', async () => {
  const handler = { exec: { command: ['prepare', 'all'] } };
  await runHook(handler, target, ending(0, ''), 1000);
  await assert.rejects(runHook(handler, target, ending(3, 'oh'), 1000), {
    message: `Exec lifecycle hook ([prepare all]) ${where} command 'prepare all' exited with 3: oh, message: "oh"`,
  });
});

test('a request that fails is told with its path', async () => {
  const handler = { httpGet: { path: '/bye', port: 'none' } };
  await assert.rejects(runHook(handler, target, ending(0, ''), 1000), { message: /port: none/ });
  const closed = { httpGet: { path: '/bye', port: 1 } };
  await assert.rejects(runHook(closed, target, ending(0, ''), 1000), (error: Error) =>
    error.message.startsWith(
      `HTTP lifecycle hook (/bye) ${where} Get "http://127.0.0.1:1/bye": dial tcp 127.0.0.1:1: connect: connection refused`,
    ),
  );
});
