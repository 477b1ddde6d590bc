import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SortedKeys } from './sorted-keys.ts';

test('the same as a sorted array, whatever is added, deleted and asked', () => {
  const keys = new SortedKeys();
  const model = new Set<string>();
  let state = 7;
  const random = (below: number): number => ((state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) >>> 8) % below;
  const key = (): string => `/k/${random(4_000)}`;
  for (let round = 0; round < 20_000; round += 1) {
    const one = key();
    const isDelete = random(round < 10_000 ? 4 : 2) === 0;
    if (isDelete) keys.delete(one);
    else if (!model.has(one)) keys.add(one);
    if (isDelete) model.delete(one);
    else model.add(one);
    if (round % 500 !== 0) continue;
    const [start = '', end = ''] = [key(), key()].toSorted();
    const expected = [...model].filter((each) => each >= start && each < end).toSorted();
    assert.deepEqual(keys.between(start, end), { keys: expected, count: expected.length });
    assert.deepEqual(keys.between(start, end, 3), { keys: expected.slice(0, 3), count: expected.length });
  }
  const all = [...model];
  keys.load(all);
  assert.deepEqual(keys.between('', '\uFFFF').keys, all.toSorted());
});

test('empty, and emptied', () => {
  const keys = new SortedKeys();
  keys.delete('/a');
  assert.deepEqual(keys.between('', '\uFFFF'), { keys: [], count: 0 });
  keys.add('/a');
  keys.delete('/a');
  assert.deepEqual(keys.between('', '\uFFFF'), { keys: [], count: 0 });
});
