import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { digestOf } from '../../base/digest.ts';
import { Root } from '../../kernel/files.ts';
import type { TarEntry } from './entry.ts';
import { packTar, runJob, streamJob, unpackTar } from './run-job.ts';
import { encodeEntry, endOfArchive, entryOf, padding } from './write-tar.ts';

async function scratch(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-archive-`);
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex').toString('latin1');

function fill(directory: string): void {
  execFileSync('sh', [
    '-ec',
    `
    mkdir -p "$1/usr/bin" "$1/dev" "$1/${'long'.repeat(40)}"
    printf ping > "$1/usr/bin/ping"; chown 7:8 "$1/usr/bin/ping"; chmod 4755 "$1/usr/bin/ping"; touch -d '2024-05-06 07:08:09.123456789' "$1/usr/bin/ping"
    ln "$1/usr/bin/ping" "$1/usr/bin/ping6"; ln -s ../x "$1/usr/link"; mknod "$1/dev/null" c 1 3; mkfifo "$1/dev/pipe"; mknod "$1/gone" c 0 0
    truncate -s 1M "$1/sparse"; printf end >> "$1/sparse"; touch -d '2001-01-01' "$1/usr/bin"; printf x > "$1/$(printf 'b\\377d')"`,
    'sh',
    directory,
  ]);
  using root = new Root(directory);
  root.setMetadata('usr/bin/ping', { attributes: { 'security.capability': capability, 'trusted.overlay.origin': 'x' } });
  root.setMetadata('usr', { attributes: { 'trusted.overlay.opaque': 'y' } });
}

test('a tree survives pack and unpack, and packs to the same bytes again', () =>
  scratch(async (directory) => {
    mkdirSync(`${directory}/a`);
    mkdirSync(`${directory}/b`);
    fill(`${directory}/a`);
    const tar = await buffer(packTar(`${directory}/a`, { whiteouts: 'overlay' }));
    const result = await unpackTar(Readable.from([tar]), `${directory}/b`, { whiteouts: 'overlay' });
    assert.equal(result.diffId, digestOf(tar));
    assert.deepEqual((await buffer(packTar(`${directory}/b`, { whiteouts: 'overlay' }))).equals(tar), true);
    assert.equal((await runJob({ do: 'digest', root: `${directory}/b`, options: { whiteouts: 'overlay' } })).diffId, digestOf(tar));
    using root = new Root(`${directory}/b`);
    assert.deepEqual(root.extendedAttributes('usr/bin/ping'), { 'security.capability': capability });
    assert.equal(root.extendedAttributes('usr')['trusted.overlay.opaque'], 'y');
    const ping = lstatSync(`${directory}/b/usr/bin/ping`, { bigint: true });
    assert.deepEqual(
      [ping.uid, ping.gid, Number(ping.mode) & 0o7777, ping.nlink, ping.mtimeNs % 1_000_000_000n],
      [7n, 8n, 0o4755, 2n, 123_456_789n],
    );
    assert.ok(lstatSync(`${directory}/b/gone`).isCharacterDevice());
    assert.equal(lstatSync(`${directory}/b/usr/bin`).mtime.getUTCFullYear(), 2001 - (new Date(2001, 0, 1).getTimezoneOffset() < 0 ? 1 : 0));
  }));

test('reads what GNU tar writes, in every dialect, and writes it again byte for byte', { concurrency: false }, () =>
  scratch(async (directory) => {
    mkdirSync(`${directory}/a`);
    fill(`${directory}/a`);
    for (const [format, ...flags] of [
      ['gnu'],
      ['gnu', '--sparse'],
      ['pax'],
      ['pax', '--sparse', '--xattrs', '--xattrs-include=*'],
      ['pax', '--gzip'],
      ['pax', '--zstd'],
    ] as const) {
      const [file, target] = [`${directory}/t.tar`, `${directory}/b`];
      rmSync(target, { recursive: true, force: true });
      mkdirSync(target);
      const exclude = flags.some((flag) => flag === '--xattrs') ? [] : ['--no-xattrs'];
      execFileSync('tar', ['-C', `${directory}/a`, `--format=${format}`, ...flags, ...exclude, '-cf', file, '.']);
      const result = await runJob(
        { do: 'unpack', root: target, options: { whiteouts: 'plain' }, frames: `${directory}/frames` },
        createReadStream(file),
      );
      execFileSync('diff', ['-r', '--no-dereference', '-x', 'dev', '-x', 'gone', `${directory}/a`, target]);
      const isSparse = flags.some((flag) => flag === '--sparse');
      assert.equal(result.isExact, !isSparse, `${format} ${flags.join(' ')}`);
      if (isSparse) assert.ok(lstatSync(`${target}/sparse`).blocks < 100);
      else assert.equal(digestOf(await buffer(streamJob({ do: 'repack', root: target, frames: `${directory}/frames` }))), result.diffId);
    }
  }),
);

type Member = Partial<TarEntry> & { readonly name: string; readonly data?: string };

function archive(...entries: readonly Member[]): Readable {
  const blocks = entries.flatMap(({ data = '', ...entry }) => {
    const size = Buffer.byteLength(data);
    return [encodeEntry(entryOf({ ...entry, size })), Buffer.from(data), padding(size)];
  });
  return Readable.from([Buffer.concat([...blocks, endOfArchive()])]);
}

test('nothing escapes the directory', () =>
  scratch(async (directory) => {
    mkdirSync(`${directory}/in`);
    writeFileSync(`${directory}/secret`, 'outside');
    const attempts: readonly (readonly Member[])[] = [
      [{ name: '../evil', data: 'x' }],
      [{ name: `${directory}/evil`, data: 'x' }],
      [
        { name: 'slash', type: 'symlink', linkName: '/' },
        { name: `slash${directory}/evil`, data: 'x' },
      ],
      [
        { name: 'up', type: 'symlink', linkName: '../../../../../../..' },
        { name: `up${directory}/evil`, data: 'x' },
      ],
      [
        { name: 'file', type: 'symlink', linkName: `${directory}/secret` },
        { name: 'file', data: 'overwritten' },
      ],
      [
        { name: 'sub', type: 'symlink', linkName: '..' },
        { name: 'sub', type: 'directory', mode: 0o777 },
      ],
    ];
    for (const attempt of attempts) await unpackTar(archive(...attempt), `${directory}/in`, { whiteouts: 'overlay' });
    await assert.rejects(
      unpackTar(archive({ name: 'stolen', type: 'hardLink', linkName: '../secret' }), `${directory}/in`, { whiteouts: 'overlay' }),
    );
    await assert.rejects(unpackTar(archive({ name: 'a/..', data: 'x' }), `${directory}/in`, { whiteouts: 'overlay' }), { kind: 'invalid' });
    assert.deepEqual(readdirSync(directory).sort(), ['in', 'secret']);
    assert.equal(readFileSync(`${directory}/secret`, 'utf8'), 'outside');
  }));

test('whiteouts become what overlayfs understands', () =>
  scratch(async (directory) => {
    await unpackTar(
      archive(
        { name: 'etc', type: 'directory', mode: 0o755 },
        { name: 'etc/.wh.passwd' },
        { name: 'opt', type: 'directory', mode: 0o755 },
        { name: 'opt/.wh..wh..opq' },
        { name: '.wh.top' },
      ),
      directory,
      { whiteouts: 'overlay' },
    );
    using root = new Root(directory);
    assert.equal(root.stat('etc/passwd')?.rdev, 0n);
    assert.ok(root.stat('top')?.isCharacterDevice());
    assert.equal(root.extendedAttributes('opt')['trusted.overlay.opaque'], 'y');
  }));

test('damaged input is an error that says so', () =>
  scratch(async (directory) => {
    await assert.rejects(unpackTar(Readable.from([Buffer.from('this is no archive'.repeat(99))]), directory, { whiteouts: 'plain' }), {
      kind: 'invalid',
      message: /not a tar archive/,
    });
    const whole = await buffer(archive({ name: 'f', data: 'x'.repeat(5000) }));
    await assert.rejects(unpackTar(Readable.from([whole.subarray(0, 2000)]), directory, { whiteouts: 'plain' }), {
      kind: 'invalid',
      message: /ends unexpectedly after 2000 bytes/,
    });
    await assert.rejects(unpackTar(Readable.from([Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4])]), directory, { whiteouts: 'plain' }), {
      kind: 'invalid',
    });
    assert.equal(existsSync(`${directory}/this`), false);
  }));
