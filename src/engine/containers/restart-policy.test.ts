import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestartPolicy } from './container.ts';
import { failuresAfter, restartDelay } from './restart-policy.ts';

const container = (
  name: RestartPolicy['name'],
  more: { maximumRetries?: number; restartCount?: number; stoppedByUser?: boolean } = {},
) => ({
  spec: { image: 'x', restart: { name, maximumRetries: more.maximumRetries ?? 0 } },
  restartCount: more.restartCount ?? 0,
  stoppedByUser: more.stoppedByUser ?? false,
});

test('who comes back and when', () => {
  const cases = [
    [container('no'), 1, 0, undefined],
    [container('always'), 0, 0, 100],
    [container('always'), 1, 3, 800],
    [container('always'), 1, 20, 60_000],
    [container('always', { stoppedByUser: true }), 137, 0, undefined],
    [container('on-failure'), 0, 0, undefined],
    [container('on-failure'), 2, 0, 100],
    [container('on-failure', { maximumRetries: 3, restartCount: 3 }), 2, 0, undefined],
    [container('unless-stopped'), 0, 1, 200],
  ] as const;
  for (const [given, exitCode, failures, expected] of cases) assert.equal(restartDelay(given, exitCode, failures), expected);
});

test('ten seconds of running clear the back-off', () => {
  assert.equal(failuresAfter(4, 500), 5);
  assert.equal(failuresAfter(4, 10_000), 0);
});
