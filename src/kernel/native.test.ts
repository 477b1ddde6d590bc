import assert from 'node:assert/strict';
import { test } from 'node:test';
import koffi from 'koffi';
import { kept, lastErrno, systemError } from './native.ts';

const { ENOENT = 2, EAGAIN = 11 } = koffi.os.errno;

/** A call that fails, each time with the next of these in errno. */
function failing(...errnos: readonly number[]): { readonly calls: () => number; readonly call: () => number } {
  let calls = 0;
  const call = (): number => {
    koffi.errno(errnos[Math.min(calls, errnos.length - 1)] ?? 0);
    calls += 1;
    return -1;
  };
  return { calls: () => calls, call: kept(call as never) };
}

test('errno is that of the call, whatever runs before it is asked for', () => {
  assert.equal(failing(ENOENT).call(), -1);
  koffi.errno(EAGAIN);
  assert.equal(lastErrno(), ENOENT);
  assert.equal(systemError('open x').message, 'open x: ENOENT');
});

test('what a lock may have left in errno is asked again; what stays is true', () => {
  const once = failing(EAGAIN, ENOENT);
  once.call();
  assert.deepEqual([once.calls(), lastErrno()], [2, ENOENT]);
  const always = failing(EAGAIN);
  always.call();
  assert.deepEqual([always.calls(), lastErrno()], [3, EAGAIN]);
});
