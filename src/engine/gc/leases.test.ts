import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Leases } from './leases.ts';

test('a layer is kept until the last lease on it ends', () => {
  const leases = new Leases();
  const first = leases.take();
  {
    using second = leases.take();
    first.keep('sha256:a');
    second.keep('sha256:a');
    second.keep('sha256:b');
    assert.deepEqual([...leases.kept()].sort(), ['sha256:a', 'sha256:b']);
  }
  assert.deepEqual([...leases.kept()], ['sha256:a']);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.equal(leases.kept().size, 0);
});
