import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { digestOf } from '../../base/digest.ts';
import { silentLog } from '../../base/log.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { memoryStore } from '../../store/memory.ts';
import { packTar } from '../archive/run-job.ts';
import { endOfArchive } from '../archive/write-tar.ts';
import { createEvents } from '../events/ring.ts';
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
