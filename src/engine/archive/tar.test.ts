import assert from 'node:assert/strict';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { test } from 'node:test';
import { compressionOf, decompressed } from './compression.ts';
import type { TarEntry } from './entry.ts';
import { decodeHeader, encodeHeader } from './header.ts';
import { decodePax, encodePax, formatTime, parseTime } from './pax.ts';
import { readTar } from './read-tar.ts';
import { encodeEntry, endOfArchive, entryOf, padding } from './write-tar.ts';

async function* pieces(data: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

test('entries of every kind come back as they went in, however the stream is cut', async () => {
  const entries: readonly TarEntry[] = [
    entryOf({ name: 'plain', size: 5, mode: 0o4755, uid: 1, gid: 2, mtimeNs: 1_700_000_000_000_000_000n }),
    entryOf({ name: 'a/'.repeat(80) + 'deep', mtimeNs: 1_700_000_000_123_456_789n }),
    entryOf({ name: 'bytes\xff\xfe', attributes: { 'security.capability': '\x01\x00\x00\x02\xff', 'user.x': 'a\nb=c' } }),
    entryOf({ name: 'directory/', type: 'directory', mode: 0o1777 }),
    entryOf({ name: 'link', type: 'symlink', linkName: '../'.repeat(50) }),
    entryOf({ name: 'hard', type: 'hardLink', linkName: 'plain' }),
    entryOf({ name: 'null', type: 'character', major: 1, minor: 3 }),
    entryOf({ name: 'sda', type: 'block', major: 8, minor: 300 }),
    entryOf({ name: 'pipe', type: 'fifo', uid: 3_000_000, gid: 4_000_000_000, mtimeNs: -1_500_000_000n }),
  ];
  const tar = Buffer.concat([
    ...entries.flatMap((entry) => [encodeEntry(entry), Buffer.from('data!').subarray(0, entry.size), padding(entry.size)]),
    endOfArchive(),
  ]);
  for (const size of [1, 100, 512, 1_000_000]) {
    const read: TarEntry[] = [];
    for await (const { entry } of readTar(pieces(tar, size))) read.push(entry);
    assert.deepEqual(read, entries);
  }
});

test('header numbers: octal in many spellings, base 256', () => {
  const header = { name: 'x', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, flag: '0', linkName: '', major: 0, minor: 0 };
  const cases: readonly (readonly [string, number])[] = [
    ['0000017\0', 15],
    ['     17 ', 15],
    ['17\0\0\0\0\0\0', 15],
    ['17 garba', 15],
    ['\0\0\0\0\0\0\0\0', 0],
    ['\x80\0\0\0\0\x2d\xc6\xc0', 3_000_000],
  ];
  for (const [text, wanted] of cases) {
    const block = encodeHeader(header);
    block.write(text, 108, 'latin1');
    block.write('        ', 148, 'latin1');
    block.write(
      `${block
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
      'latin1',
    );
    assert.equal(decodeHeader(block, 0)?.uid, wanted, JSON.stringify(text));
  }
  const broken = encodeHeader(header);
  broken[0] = 1;
  assert.throws(() => decodeHeader(broken, 1024), { kind: 'invalid', message: 'not a tar archive: wrong header checksum at byte 1024' });
});

test('PAX records count their own length', () => {
  for (const length of [1, 5, 88, 89, 90, 91, 92, 93, 990, 1000]) {
    const records = { path: 'x'.repeat(length) };
    assert.deepEqual(decodePax(encodePax(records)), records);
  }
  for (const bad of ['x', '5 a=b', '99 a=b\n', '3 =\n', '-1 a=b\n'])
    assert.throws(() => decodePax(Buffer.from(bad)), { kind: 'invalid' }, bad);
});

test('times keep their nanoseconds', () => {
  for (const text of ['0', '1.5', '-1.5', '1700000000.000000001']) assert.equal(formatTime(parseTime(text)), text);
  assert.equal(parseTime('1.1234567899'), 1_123_456_789n);
});

test('compression is told by the first bytes', async () => {
  const data = Buffer.from('hello '.repeat(1000));
  for (const [bytes, kind] of [
    [data, 'none'],
    [gzipSync(data), 'gzip'],
    [zstdCompressSync(data), 'zstd'],
  ] as const) {
    assert.equal(compressionOf(bytes), kind);
    assert.deepEqual(Buffer.concat(await Array.fromAsync(decompressed(pieces(bytes, 3)))), data);
  }
  await assert.rejects(Array.fromAsync(decompressed(pieces(Buffer.from('BZh91AY'), 9))), { kind: 'notImplemented', message: /bzip2/ });
  await assert.rejects(Array.fromAsync(decompressed(pieces(gzipSync(data).subarray(0, 40), 9))), { kind: 'invalid', message: /damaged/ });
});
