import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { fileLine, listChanges, type ListedFile } from './file-list.ts';

const list = (files: Readonly<Record<string, Partial<ListedFile>>>): Uint8Array => {
  const lines = Object.entries(files).map(([path, file]) =>
    fileLine({ path, mode: 0o100644, owner: { uid: 0, gid: 0 }, content: '', attributes: [], ...file }),
  );
  return zstdCompressSync(Buffer.from(lines.join('')));
};

test('what differs between two lists of files, by attribute, as paths of the context', () => {
  const before = list({ '/a': { content: 'x' }, b: {}, c: {}, d: { content: '/l' }, gone: {} });
  const after = list({ '/a': { content: 'y' }, b: { mode: 0o104755 }, c: { owner: { uid: 5, gid: 6 } }, d: { content: '/l' }, 'e/f': {} });
  assert.deepEqual(listChanges(before, after, 9), [
    'a: content',
    'b: mode 644 → 4755',
    'c: owner 0:0 → 5:6',
    'e/f: new file',
    'gone: gone',
  ]);
  assert.deepEqual(listChanges(before, after, 2), ['a: content', 'b: mode 644 → 4755', 'and 3 more']);
  assert.deepEqual(listChanges(before, before, 2), []);
});
