import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { digestOf } from '../../base/digest.ts';
import { Root } from '../../kernel/files.ts';
import { blocksOfJob, packTar, runJob, streamJob, unpackTar } from './run-job.ts';
import { memoryTar } from './memory-tar.fake.ts';

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
      ['pax', '--sparse', '--sparse-version=0.0'],
      ['pax', '--sparse', '--sparse-version=0.1'],
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
      assert.ok(lstatSync(`${target}/sparse`).blocks < 100, `${format} ${flags.join(' ')}`);
      assert.equal(digestOf(await buffer(streamJob({ do: 'repack', root: target, frames: `${directory}/frames` }))), result.diffId);
      rmSync(`${directory}/frames`);
    }
  }),
);

test('whiteouts become what overlayfs understands', () =>
  scratch(async (directory) => {
    await unpackTar(
      memoryTar(
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

test('who gives up leaves no descriptor open: a reader in the middle, a digest, an archive that never ends', () =>
  scratch(async (directory) => {
    mkdirSync(`${directory}/a/b`, { recursive: true });
    for (let index = 0; index < 50; index += 1) execFileSync('truncate', ['-s', '3M', `${directory}/a/b/${index}`]);
    mkdirSync(`${directory}/to`);
    const options = { whiteouts: 'plain' } as const;
    const open = (): readonly string[] => readdirSync('/proc/self/fd').flatMap((fd) => placeOf(fd) ?? []);
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (let index = 0; ; index += 1) yield (await buffer(memoryTar({ name: `f${index}`, data: 'x'.repeat(5000) }))).subarray(0, 5632);
    };
    for (let round = 0; round < 3; round += 1) {
      for await (const block of blocksOfJob({ do: 'pack', root: `${directory}/a`, options })) if (block.length > 0) break;
      const signal = (): AbortSignal => AbortSignal.timeout(20 + 10 * round);
      const canceled = { kind: 'canceled' } as const;
      await assert.rejects(unpackTar(endless(), `${directory}/to`, options, signal()), canceled);
      const digests = Array.from({ length: 3 }, () => runJob({ do: 'digest', root: `${directory}/a`, options }, undefined, signal()));
      for (const each of await Promise.allSettled(digests)) assert.equal(each.status, 'rejected');
    }
    assert.deepEqual(open(), []);

    /** Undefined for what is not in the scratch directory. */
    function placeOf(fd: string): string | undefined {
      try {
        const place = readlinkSync(`/proc/self/fd/${fd}`);
        return place.startsWith(directory) ? place : undefined;
      } catch {
        return undefined;
      }
    }
  }));
