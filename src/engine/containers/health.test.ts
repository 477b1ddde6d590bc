import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Health } from './container.ts';
import { fullRow } from './container-facts.ts';
import { healthCommand, healthTimes, nextHealth } from './health.ts';

const starting: Health = { status: 'starting', failingStreak: 0, log: [] };
const result = (exitCode: number) => ({ start: new Date(0), end: new Date(1), exitCode, output: '' });

test('three failures make it unhealthy, one success healthy', () => {
  const options = { retries: 3, inStartPeriod: false };
  let health = starting;
  for (const expected of ['starting', 'starting', 'unhealthy'] as const) {
    health = nextHealth(health, result(1), options);
    assert.equal(health.status, expected);
  }
  health = nextHealth(health, result(0), options);
  assert.deepEqual([health.status, health.failingStreak], ['healthy', 0]);
  for (let index = 0; index < 9; index++) health = nextHealth(health, result(0), options);
  assert.equal(health.log.length, 5);
});

test('failures in the start period do not count', () => {
  assert.deepEqual(nextHealth(starting, result(1), { retries: 1, inStartPeriod: true }).status, 'starting');
  assert.deepEqual(nextHealth({ ...starting, status: 'healthy' }, result(1), { retries: 1, inStartPeriod: true }).status, 'unhealthy');
});

test('commands and times', () => {
  assert.deepEqual(healthCommand({ Test: ['CMD-SHELL', 'curl x'] }, ['/bin/sh', '-c']), ['/bin/sh', '-c', 'curl x']);
  assert.equal(healthCommand({ Test: ['NONE'] }, []), undefined);
  assert.equal(healthTimes({ Interval: 2e9 }).interval, 2000);
  assert.equal(healthTimes({}).retries, 3);
});

test('a row of ps -ef', () => {
  const row = {
    pid: 7,
    parentPid: 1,
    uid: 1000,
    cpuSeconds: 65.5,
    startedAt: new Date(2026, 0, 2, 3, 4),
    terminal: 0x8803,
    command: 'sleep 9',
    threads: 1,
    residentBytes: 0,
  };
  assert.deepEqual(fullRow(row, new Date(2026, 0, 2, 4, 4)), ['1000', '7', '1', '1', '03:04', 'pts/3', '00:01:05', 'sleep 9']);
  assert.equal(fullRow(row, new Date(2026, 0, 9))[4], 'Jan02');
});
