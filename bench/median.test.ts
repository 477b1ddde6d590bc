import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from './median.ts';

test('odd, even, one; the order does not matter; nothing has no median', () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])], [2, 2.5, 7]);
  assert.throws(() => median([]));
});
