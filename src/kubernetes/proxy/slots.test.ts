import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assignSlots, type Slots } from './slots.ts';

const backend = (name: string) => ({ ip: name, port: 1 });
const slots = (names: string): Slots => [...names].map((name) => (name === '·' ? undefined : backend(name)));
const after = (before: string, wanted: string, keep: 'dense' | 'remembered'): string =>
  assignSlots(slots(before), [...wanted].map(backend), keep)
    .map((one) => one?.ip ?? '·')
    .join('');

test('who stays keeps its slot; the last moves into a hole', () => {
  for (const [before, wanted, expected] of [
    ['', 'abc', 'abc'],
    ['abc', 'bc', 'cb'],
    ['abc', 'abd', 'abd'],
    ['abc', '', ''],
    ['abcd', 'cd', 'dc'],
    ['abc', 'c', 'c'],
  ] as const) {
    assert.equal(after(before, wanted, 'dense'), expected, `${before} → ${wanted}`);
  }
});

test('remembered slots have holes, which the next comer fills', () => {
  assert.equal(after('abc', 'bc', 'remembered'), '·bc');
  assert.equal(after('·bc', 'bcd', 'remembered'), 'dbc');
  assert.equal(after('·bc', 'b', 'remembered'), '·b');
});
