import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunksOf } from './chunks.ts';

const cut = async (...pieces: readonly string[]): Promise<readonly string[]> => {
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece);
  };
  return (await Array.fromAsync(chunksOf(source(), 4))).map(String);
};

test('pieces of one size, whatever sizes come in', async () => {
  assert.deepEqual(await cut(), []);
  assert.deepEqual(await cut('abc'), ['abc']);
  assert.deepEqual(await cut('abcd'), ['abcd']);
  assert.deepEqual(await cut('ab', '', 'cdefghijk', 'l'), ['abcd', 'efgh', 'ijkl']);
  assert.deepEqual(await cut('abcdefghi'), ['abcd', 'efgh', 'i']);
});
