import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone, parseSchedule } from './cron-schedule.ts';

function next(schedule: string, after: string, zone?: string): string | undefined {
  const at = parseSchedule(schedule, zone).next(Date.parse(after));
  return at === undefined ? undefined : new Date(at).toISOString().replace('.000', '');
}

test('the next time is strictly later, in the zone that was named', () => {
  assert.equal(next('*/5 * * * *', '2026-01-01T00:00:00Z'), '2026-01-01T00:05:00Z');
  assert.equal(next('0 9 * * *', '2026-01-01T00:00:00Z', 'Europe/Zurich'), '2026-01-01T08:00:00Z');
  assert.equal(next('0 9 * * *', '2026-07-01T00:00:00Z', 'Europe/Zurich'), '2026-07-01T07:00:00Z');
  assert.equal(next('@daily', '2026-01-01T00:00:00Z'), '2026-01-02T00:00:00Z');
  assert.equal(next('@every 1h30m', '2026-01-01T00:00:00.500Z'), '2026-01-01T01:30:00Z');
});

test('a day of the month or a day of the week is enough', () => {
  assert.equal(next('0 0 13 * 5', '2026-01-01T00:00:00Z'), '2026-01-02T00:00:00Z');
});

test('what is no schedule is refused, what never comes is undefined', () => {
  for (const wrong of ['61 * * * *', '* * * *', 'soon', '* * * * * *']) assert.throws(() => parseSchedule(wrong), wrong);
  assert.equal(next('0 0 31 2 *', '2026-01-01T00:00:00Z'), undefined);
  assert.deepEqual([isTimeZone('Asia/Tokyo'), isTimeZone('Mars/Base')], [true, false]);
});
