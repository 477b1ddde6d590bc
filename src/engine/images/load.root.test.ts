import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '../../api/oci/image.ts';
import { digestOf, hexOf, type Digest } from '../../base/digest.ts';
import { silentLog } from '../../base/log.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { memoryStore } from '../../store/memory.ts';
import { packTar } from '../archive/run-job.ts';
import { memoryTarBytes } from '../archive/memory-tar.fake.ts';
import { endOfArchive, padding } from '../archive/write-tar.ts';
import { createEvents } from '../events/ring.ts';
import { architecture } from './import.ts';
import type { LocalImages } from './local-images.ts';
import { openImages } from './open.ts';

const emptyLayer = endOfArchive();
const config = { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers' as const, diff_ids: [digestOf(emptyLayer)] } };

async function room(
  run: (
    images: LocalImages,
    load: (files: Readonly<Record<string, string | Buffer>>, links?: Readonly<Record<string, string>>) => Promise<readonly string[]>,
  ) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-load-`);
  try {
    const { images } = await openImages({
      dataRoot: `${directory}/data`,
      kernel: fakeKernel(),
      store: memoryStore(),
      events: createEvents(),
      log: silentLog,
    });
    await run(images, async (files, links = {}) => {
      const context = mkdtempSync(`${directory}/archive-`);
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(`${context}/${name}`), { recursive: true });
        writeFileSync(`${context}/${name}`, content);
      }
      for (const [name, target] of Object.entries(links)) symlinkSync(target, `${context}/${name}`);
      return Array.fromAsync(images.load(packTar(context, { whiteouts: 'plain' })));
    });
    assert.deepEqual(readdirSync(`${directory}/data/tmp`), []);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const manifest = (tags: readonly string[] | null): string => JSON.stringify([{ Config: 'c.json', RepoTags: tags, Layers: ['l.tar'] }]);

test('an archive without names loads under its ID; links inside it are followed inside it', () =>
  room(async (images, load) => {
    const text = JSON.stringify(config);
    assert.deepEqual(await load({ 'manifest.json': manifest(null), 'c.json': text, real: emptyLayer }, { 'l.tar': '/real' }), [
      `Loaded image ID: ${digestOf(text)}`,
    ]);
    assert.deepEqual((await images.get(digestOf(text).slice(7, 15))).names, []);
  }));

test('hostile and broken archives', () =>
  room(async (images, load) => {
    const text = JSON.stringify(config);
    await assert.rejects(load({ 'manifest.json': manifest(null), 'c.json': text }, { 'l.tar': '/etc/passwd' }), { kind: 'notFound' });
    await assert.rejects(load({ 'manifest.json': manifest(null), 'l.tar': emptyLayer }, { 'c.json': '/proc/self/environ' }), {
      kind: 'notFound',
    });
    await assert.rejects(load({ 'manifest.json': manifest(null), 'c.json': text, 'l.tar': Buffer.concat([emptyLayer, emptyLayer]) }), {
      kind: 'invalid',
      message: /content has digest/,
    });
    await assert.rejects(load({ 'manifest.json': '{', 'c.json': text }), { kind: 'invalid', message: /^manifest\.json in the archive: / });
    await assert.rejects(load({ 'manifest.json': manifest(['Bad Name']), 'c.json': text }), {
      kind: 'invalid',
      message: /^invalid reference format/,
    });
    await assert.rejects(load({ 'etc/passwd': '' }), { kind: 'invalid', message: /docker import/ });
    await assert.rejects(Array.fromAsync(images.load(Readable.from([Buffer.from('nonsense'.repeat(100))]))), { kind: 'invalid' });
    assert.deepEqual(await images.list(), []);
  }));

for (const [where, size] of Object.entries({ 'in a member': 8_000_000_000, 'after the last member': 0 }))
  test(`8 GB in 30 kB, by gzip in gzip and ${where}, are refused by the name of the member long before the disk is full; the next archive loads`, () =>
    room(async (images, load) => {
      const header = memoryTarBytes({ name: 'zeros', size, data: '' }).subarray(0, 512);
      const zeros = gzipSync(Buffer.alloc(64 << 20));
      const layer = Buffer.concat([gzipSync(header), ...Array.from({ length: 120 }, () => zeros)]);
      const archive = memoryTarBytes({ name: 'manifest.json', data: manifest(null) }, { name: 'l.tar', size: layer.length, data: '' });
      const start = archive.subarray(0, archive.length - 1024);
      const bomb = gzipSync(Buffer.concat([start, layer, padding(layer.length), endOfArchive()]), { level: 9 });
      assert.ok(bomb.length < 30_000, `${bomb.length} bytes`);
      const pieces = Array.from({ length: Math.ceil(bomb.length / 1000) }, (_, index) => bomb.subarray(index * 1000, (index + 1) * 1000));
      await assert.rejects(Array.fromAsync(images.load(Readable.from(pieces))), {
        kind: 'invalid',
        message: size > 0 ? /^l\.tar in the archive: unpack zeros: .*looks like a bomb/ : /^l\.tar in the archive: .*looks like a bomb/,
      });
      assert.deepEqual(await images.list(), []);
      assert.equal((await load({ 'manifest.json': manifest(null), 'c.json': JSON.stringify(config), 'l.tar': emptyLayer })).length, 1);
    }));

test('an OCI layout whose indexes nest without end, or lie about what they list, is refused', () =>
  room(async (images, load) => {
    const platform = { os: 'linux', architecture: architecture() };
    const files: Record<string, string> = {};
    const blob = (text: string): Digest => {
      files[`blobs/sha256/${hexOf(digestOf(text))}`] = text;
      return digestOf(text);
    };
    const index = (digest: Digest): string =>
      JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: mediaTypes.ociIndex, digest, size: 1, platform }] });
    let below = blob('nothing');
    for (let depth = 0; depth < 6; depth++) below = blob(index(below));
    await assert.rejects(load({ ...files, 'index.json': index(below) }), { kind: 'invalid', message: /nests more than 3 deep/ });
    await assert.rejects(load({ 'index.json': index(digestOf('absent')) }), {
      kind: 'notFound',
      message: /the archive has no blobs\/sha256/,
    });
    const lie = digestOf('what was promised');
    await assert.rejects(load({ 'index.json': index(lie), [`blobs/sha256/${hexOf(lie)}`]: '{}' }), {
      kind: 'invalid',
      message: new RegExp(`blob ${lie} has other content`),
    });
    assert.deepEqual(await images.list(), []);
  }));

test('IDs by prefix; ambiguous ones say so; names win over IDs', () =>
  room(async (images, load) => {
    await load({ 'manifest.json': manifest(['a:1']), 'c.json': JSON.stringify(config), 'l.tar': emptyLayer });
    const ids: string[] = [];
    for (let index = 0; index < 17; index++) ids.push((await images.create({ ...config, author: String(index) })).id);
    const first = ids.map((id) => id.charAt(7));
    const twice = first.find((digit, index) => first.indexOf(digit) !== index) ?? '';
    await assert.rejects(images.get(`sha256:${twice}`), { kind: 'conflict', message: /is ambiguous/ });
    const digits = ids[0]?.slice(7, 13) ?? '';
    await images.tag('a:1', digits);
    assert.deepEqual((await images.get(digits)).names, ['a:1', `${digits}:latest`].sort());
    assert.deepEqual(await images.remove(digits, { force: false, noPrune: false }), [{ untagged: `${digits}:latest` }]);
    assert.equal((await images.get(digits)).id, ids[0]);
    assert.equal((await images.prune({ all: false })).removals.filter((removal) => 'deleted' in removal).length, 17);
  }));
