/** What nobody well-meaning packs: refused with the entry named, or kept inside the root; nothing outside is touched either way. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../base/digest.ts';
import { encodeHeader } from './header.ts';
import { memoryTar, memoryTarBytes, type Member } from './memory-tar.fake.ts';
import { encodePax } from './pax.ts';
import { runJob, streamJob, unpackTar } from './run-job.ts';
import { padding } from './write-tar.ts';

/** `in/` to unpack into, `secret` beside it that must stay. */
async function room(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-hostile-`);
  try {
    mkdirSync(`${directory}/in`);
    writeFileSync(`${directory}/secret`, 'outside');
    await run(directory);
    assert.deepEqual(
      readdirSync(directory)
        .filter((name) => !['frames', 'replaced'].includes(name))
        .sort(),
      ['in', 'secret'],
    );
    assert.equal(readFileSync(`${directory}/secret`, 'utf8'), 'outside');
    assert.equal(statSync(`${directory}/secret`).nlink, 1);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const up = '../../../../../../..';
const refused: Readonly<Record<string, { readonly members: (directory: string) => readonly Member[]; readonly message: RegExp }>> = {
  'a name with ..': { members: () => [{ name: '../evil', data: 'x' }], message: /unpack \.\.\/evil: its name leads out/ },
  'a name with .. further in': { members: () => [{ name: 'a/../../evil', data: 'x' }], message: /unpack a\/\.\.\/\.\.\/evil: / },
  'a name that ends in ..': { members: () => [{ name: 'a/b/..', data: 'x' }], message: /unpack a\/b\/\.\.: .*ends in \.\./ },
  'a member through a symlink that leads out': {
    members: (directory) => [
      { name: 'up', type: 'symlink', linkName: up },
      { name: `up${directory}/evil`, data: 'x' },
    ],
    message: /unpack up\/.*evil: it goes through the symlink up, which leads out of the root/,
  },
  'a hard link that leads out': {
    members: () => [{ name: 'stolen', type: 'hardLink', linkName: '../secret' }],
    message: /unpack stolen: hard link to \.\.\/secret, which is outside/,
  },
  'a hard link to nothing': {
    members: () => [{ name: 'link', type: 'hardLink', linkName: 'nothing' }],
    message: /unpack link: link nothing/,
  },
  'a hard link through a symlink that leads out': {
    members: (directory) => [
      { name: 'up', type: 'symlink', linkName: up },
      { name: 'stolen', type: 'hardLink', linkName: `up${directory}/secret` },
    ],
    message: /unpack stolen: /,
  },
  'a whiteout behind a symlink to nothing': {
    members: (directory) => [{ name: 'out', type: 'symlink', linkName: directory }, { name: 'out/.wh.secret' }],
    message: /unpack out\/\.wh\.secret: mkdir out: out is not a directory/,
  },
  'a whiteout of ..': {
    members: () => [{ name: 'a', type: 'directory', mode: 0o755 }, { name: 'a/.wh...' }],
    message: /unpack a\/\.wh\.\.\.: a whiteout of no name/,
  },
  'a member of 8 EiB': { members: () => [{ name: 'huge', size: 8 ** 11 - 1, data: '' }], message: /ends unexpectedly|huge/ },
  'a member in place of a file’s directory': {
    members: () => [
      { name: 'file', data: 'x' },
      { name: 'file/below', data: 'x' },
    ],
    message: /unpack file\/below: .*not a directory/,
  },
};

for (const [title, { members, message }] of Object.entries(refused)) {
  test(`refused: ${title}`, () =>
    room(async (directory) => {
      await assert.rejects(unpackTar(memoryTar(...members(directory)), `${directory}/in`, { whiteouts: 'overlay' }), { message });
    }));
}

const contained: Readonly<Record<string, (directory: string) => readonly Member[]>> = {
  'an absolute name': (directory) => [{ name: `${directory}/evil`, data: 'x' }],
  'a symlink to /': (directory) => [
    { name: 'slash', type: 'symlink', linkName: '/' },
    { name: `slash${directory}/evil`, data: 'x' },
  ],
  'a symlink that is overwritten by a file': (directory) => [
    { name: 'file', type: 'symlink', linkName: `${directory}/secret` },
    { name: 'file', data: 'overwritten' },
  ],
  'a symlink that is overwritten by a directory': () => [
    { name: 'sub', type: 'symlink', linkName: '..' },
    { name: 'sub', type: 'directory', mode: 0o777 },
  ],
  'a whiteout of what is not there': () => [{ name: 'a/.wh.nothing' }, { name: '.wh.' + 'x'.repeat(200) }],
  'names with newlines, backslashes and bytes that are no UTF-8': () => [
    { name: 'a\nb', data: '1' },
    { name: 'c\\d', data: '2' },
    { name: 'e\xff', data: '3' },
  ],
};

for (const [title, members] of Object.entries(contained)) {
  test(`contained, and written again byte for byte: ${title}`, () =>
    room(async (directory) => {
      const tar = memoryTarBytes(...members(directory));
      const job = { do: 'unpack', root: `${directory}/in`, frames: `${directory}/frames`, options: { whiteouts: 'overlay' } } as const;
      assert.equal((await runJob(job, Readable.from([tar]))).diffId, digestOf(tar));
      assert.ok((await buffer(streamJob({ do: 'repack', root: `${directory}/in`, frames: `${directory}/frames` }))).equals(tar));
    }));
}

/** A member whose header is preceded by PAX records of our choice. */
function withPax(records: Readonly<Record<string, string>>, size: number): Buffer {
  const header = { mode: 0o644, uid: 0, gid: 0, mtime: 0, linkName: '', major: 0, minor: 0 };
  const data = encodePax(records);
  return Buffer.concat([
    encodeHeader({ ...header, name: 'pax', size: data.length, flag: 'x' }),
    data,
    padding(data.length),
    encodeHeader({ ...header, name: 'member', size, flag: '0' }),
    Buffer.alloc(size + padding(size).length, 'x'),
    Buffer.alloc(1024),
  ]);
}

const damaged: Readonly<Record<string, { readonly data: () => Buffer; readonly message: RegExp }>> = {
  'no tar at all': { data: () => Buffer.from('this is no archive'.repeat(99)), message: /not a tar archive/ },
  'a tar that ends early': {
    data: () => memoryTarBytes({ name: 'f', data: 'x'.repeat(5000) }).subarray(0, 2000),
    message: /ends unexpectedly after 2000 bytes/,
  },
  'gzip that ends early': {
    data: () => gzipSync(memoryTarBytes({ name: 'f', data: 'x'.repeat(50_000) })).subarray(0, 90),
    message: /archive is damaged: unexpected end of file/,
  },
  'gzip with a wrong checksum': {
    data: () => {
      const zipped = gzipSync(memoryTarBytes({ name: 'f', data: 'x' }));
      zipped.writeUInt32LE(7, zipped.length - 8);
      return zipped;
    },
    message: /archive is damaged: incorrect data check/,
  },
  'a gzip header and nothing': { data: () => Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4]), message: /archive is damaged/ },
  'a name with a NUL byte': { data: () => withPax({ path: 'good\0evil' }, 1), message: /member "good\\0evil": a name with a NUL byte/ },
  'a link name with a NUL byte': { data: () => withPax({ linkpath: 'a\0b' }, 1), message: /NUL byte/ },
  'a size that is no number': { data: () => withPax({ size: '1e9' }, 1), message: /bad size "1e9"/ },
  'a sparse map that goes back': {
    data: () => withPax({ 'GNU.sparse.map': '512,1,0,1', 'GNU.sparse.size': '1024' }, 2),
    message: /map of a sparse file goes back/,
  },
  'a sparse file with more data than its map': {
    data: () => withPax({ 'GNU.sparse.map': '0,1', 'GNU.sparse.size': '1' }, 3),
    message: /unpack member: sparse file has more data/,
  },
  'a sparse file of 100 GB': {
    data: () => withPax({ 'GNU.sparse.map': '0,1', 'GNU.sparse.size': '100000000000' }, 1),
    message: /unpack member: .*looks like a bomb/,
  },
  'a path longer than Linux knows': {
    data: () => memoryTarBytes({ name: 'x'.repeat(300), data: '1' }),
    message: /unpack x{300}: .*ENAMETOOLONG|name too long/i,
  },
};

for (const [title, { data, message }] of Object.entries(damaged)) {
  test(`damaged: ${title}`, () =>
    room(async (directory) => {
      const job = { do: 'unpack', root: `${directory}/in`, frames: `${directory}/frames`, options: { whiteouts: 'overlay' } } as const;
      await assert.rejects(runJob(job, Readable.from([data()])), { message });
    }));
}

test('a bomb is stopped while it unpacks, and takes no disk', () =>
  room(async (directory) => {
    // 8 GB of zeros in 400 kB; it is stopped after the first gigabyte.
    const header = memoryTarBytes({ name: 'zeros', size: 8_000_000_000, data: '' }).subarray(0, 512);
    const zeros = zstdCompressSync(Buffer.alloc(1 << 20));
    const bomb = Buffer.concat([zstdCompressSync(header), ...Array.from({ length: 7630 }, () => zeros)]);
    await assert.rejects(
      unpackTar(Readable.from([bomb.subarray(0, 100_000), bomb.subarray(100_000)]), `${directory}/in`, { whiteouts: 'overlay' }),
      {
        message: /unpack zeros: .*looks like a bomb/,
      },
    );
    assert.ok(statSync(`${directory}/in/zeros`).blocks < 1000);
  }));

test('more members than the limit are refused', () =>
  room(async (directory) => {
    const members = Array.from({ length: 50 }, (_, index) => ({ name: `d${index}`, type: 'directory', mode: 0o755 }) as const);
    const job = { do: 'unpack', root: `${directory}/in`, options: { whiteouts: 'overlay' }, limits: { entries: 40 } } as const;
    await assert.rejects(runJob(job, memoryTar(...members)), { message: /unpack d40\/: the archive has more than 40 members/ });
  }));

test('a million members, and one more', () =>
  room(async (directory) => {
    const header = memoryTarBytes({ name: 'same', type: 'directory', mode: 0o755 }).subarray(0, 512);
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => header));
    const archive = async function* (): AsyncGenerator<Buffer> {
      for (let index = 0; index < 1000; index += 1) yield thousand;
      yield memoryTarBytes({ name: 'last', data: 'x' });
    };
    await assert.rejects(unpackTar(archive(), `${directory}/in`, { whiteouts: 'overlay' }), {
      message: /unpack last: the archive has more than 1000000 members/,
    });
  }));

test('a member twice, replaced kinds and whiteouts of earlier members: the tar comes out again', () =>
  room(async (directory) => {
    const tar = memoryTarBytes(
      { name: 'a', data: 'first' },
      { name: 'b', type: 'hardLink', linkName: 'a' },
      { name: 'a', data: 'second' },
      { name: 'a', data: '' },
      { name: 'a', data: 'third' },
      { name: 'd', type: 'directory', mode: 0o755 },
      { name: 'd/x', data: 'x in d' },
      { name: 'e', type: 'directory', mode: 0o755 },
      { name: 'link', type: 'symlink', linkName: 'e' },
      { name: 'link/y', data: 'through the link' },
      { name: 'e/y', data: 'directly' },
      { name: 'd', data: 'a file now' },
      { name: '.wh.b', data: 'a whiteout with data' },
      { name: 'dir/', data: 'data of what is a directory' },
    );
    const job = { do: 'unpack', root: `${directory}/in`, frames: `${directory}/frames`, options: { whiteouts: 'overlay' } } as const;
    assert.equal((await runJob(job, Readable.from([tar]))).diffId, digestOf(tar));
    assert.ok((await buffer(streamJob({ do: 'repack', root: `${directory}/in`, frames: `${directory}/frames` }))).equals(tar));
    assert.deepEqual(
      ['a', 'd', 'e/y'].map((name) => readFileSync(`${directory}/in/${name}`, 'utf8')),
      ['third', 'a file now', 'directly'],
    );
  }));
