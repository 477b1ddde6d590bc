import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { blocksOf, type Piece } from './blocks.ts';

/** What a reader sees that is done with each block before the next. */
function seen(pieces: readonly Piece[], blockBytes: number): readonly string[] {
  const memory = Buffer.alloc(blockBytes);
  return Array.from(
    blocksOf(pieces, () => memory),
    (block) => block.toString('latin1'),
  );
}

function withFile(content: string, use: (fd: number) => void): void {
  const directory = mkdtempSync(`${tmpdir()}/davit-blocks-`);
  writeFileSync(`${directory}/file`, content);
  const fd = openSync(`${directory}/file`, 'r');
  try {
    use(fd);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

test('blocks are full, whatever the pieces are; the last has the rest', () => {
  withFile('0123456789', (fd) => {
    const pieces = [Buffer.from('ab'), { fd, offset: 1, size: 7 }, Buffer.from('c'), { fd, offset: 9, size: 1 }];
    assert.deepEqual(seen(pieces, 4), ['ab12', '3456', '7c9']);
    assert.deepEqual(seen(pieces, 11), ['ab1234567c9']);
    assert.deepEqual(seen(pieces, 100), ['ab1234567c9']);
  });
});

test('a piece larger than many blocks; nothing for no bytes', () => {
  assert.deepEqual(seen([Buffer.from('abcdefg')], 3), ['abc', 'def', 'g']);
  assert.deepEqual(seen([Buffer.alloc(0)], 3), []);
  assert.deepEqual(seen([], 3), []);
});

test('a file that has become shorter gives zeros for what is gone, not what was in the memory before', () => {
  withFile('xyz', (fd) => {
    assert.deepEqual(seen([Buffer.from('-------'), { fd, offset: 1, size: 5 }], 4), ['----', '---y', 'z\0\0\0']);
  });
});
