import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { mediaTypes } from '../../api/oci/image.ts';
import { digestOf, type Digest } from '../../base/digest.ts';
import { silentLog } from '../../base/log.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { memoryStore } from '../../store/memory.ts';
import { packTar } from '../archive/run-job.ts';
import { memoryTarBytes } from '../archive/memory-tar.fake.ts';
import { createEvents } from '../events/ring.ts';
import { architecture } from '../images/import.ts';
import type { LocalImages } from '../images/local-images.ts';
import { openImages } from '../images/open.ts';

/** A registry in memory that wants a token. */
interface FakeRegistry {
  readonly host: string;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { readonly type: string; readonly text: string }>;
  readonly requests: string[];
  /** Blob answers are cut after so many bytes of the range asked for. */
  cutAfter?: number;
  /** The blobs asked for, with where each answer began. */
  readonly ranges: string[];
}

function answer(registry: FakeRegistry, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', `http://${registry.host}`);
  registry.requests.push(url.pathname);
  if (url.pathname === '/token') {
    response.end(JSON.stringify({ token: `for ${url.searchParams.get('scope') ?? ''}` }));
    return;
  }
  const isAllowed = url.pathname.startsWith('/v2/team/app/') && request.headers.authorization === 'Bearer for repository:team/app:pull';
  if (url.pathname !== '/v2/' && !isAllowed) {
    response
      .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="r",scope="repository:team/app:pull"` })
      .end();
    return;
  }
  const key = url.pathname.split('/').at(-1) ?? '';
  const manifest = url.pathname.includes('/manifests/') ? registry.manifests.get(key) : undefined;
  if (manifest) response.writeHead(200, { 'content-type': manifest.type }).end(manifest.text);
  else if (url.pathname === '/v2/') response.end('{}');
  else if (registry.blobs.has(key)) sendBlob(registry, registry.blobs.get(key) ?? Buffer.alloc(0), request, response);
  else response.writeHead(404).end();
}

function sendBlob(registry: FakeRegistry, blob: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  registry.ranges.push(`${from} of ${blob.length}`);
  const headers = {
    'content-length': blob.length - from,
    ...(from > 0 ? { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` } : {}),
  };
  response.writeHead(from > 0 ? 206 : 200, headers);
  const { cutAfter } = registry;
  if (cutAfter === undefined || blob.length - from <= cutAfter) response.end(blob.subarray(from));
  else response.write(blob.subarray(from, from + cutAfter), () => response.destroy());
}

async function room(run: (registry: FakeRegistry, images: LocalImages, directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-pull-`);
  const server = createServer((request, response) => answer(registry, request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const registry: FakeRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs: new Map(),
    manifests: new Map(),
    requests: [],
    ranges: [],
  };
  try {
    const { images } = await openImages({
      dataRoot: `${directory}/data`,
      kernel: fakeKernel(),
      store: memoryStore(),
      events: createEvents(),
      log: silentLog,
    });
    await run(registry, images, directory);
    assert.deepEqual(readdirSync(`${directory}/data/tmp`), []);
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Publishes `team/app:1` with layers in three compressions, behind an index. */
async function publish(registry: FakeRegistry, directory: string): Promise<Digest> {
  const put = (data: Buffer): { readonly digest: Digest; readonly size: number } => {
    registry.blobs.set(digestOf(data), data);
    return { digest: digestOf(data), size: data.length };
  };
  const layers = [];
  const diffIds: Digest[] = [];
  for (const [index, compress] of [gzipSync, zstdCompressSync, (data: Buffer) => data].entries()) {
    mkdirSync(`${directory}/layer${index}`);
    writeFileSync(`${directory}/layer${index}/file${index}`, String(index).repeat(5000));
    const tar = await buffer(packTar(`${directory}/layer${index}`, { whiteouts: 'plain' }));
    diffIds.push(digestOf(tar));
    layers.push({ mediaType: mediaTypes.ociLayer, ...put(compress(tar)) });
  }
  const config = put(
    Buffer.from(
      JSON.stringify({ architecture: architecture(), os: 'linux', config: { Cmd: ['x'] }, rootfs: { type: 'layers', diff_ids: diffIds } }),
    ),
  );
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, ...config },
    layers,
  });
  registry.manifests.set(digestOf(manifest), { type: mediaTypes.ociManifest, text: manifest });
  const other = { mediaType: mediaTypes.ociManifest, digest: digestOf('other'), size: 1, platform: { os: 'linux', architecture: 'vax' } };
  const own = {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(manifest),
    size: manifest.length,
    platform: { os: 'linux', architecture: architecture() },
  };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [other, own] });
  registry.manifests.set('1', { type: mediaTypes.ociIndex, text: index });
  registry.manifests.set(digestOf(index), { type: mediaTypes.ociIndex, text: index });
  return config.digest;
}

test('pulls by tag through token and index, then knows it is up to date', () =>
  room(async (registry, images, directory) => {
    const id = await publish(registry, directory);
    const name = `${registry.host}/team/app:1`;
    const progress = await Array.fromAsync(images.pull(name, {}));
    const image = await images.get(name);
    assert.equal(image.id, id);
    assert.deepEqual(image.digests, [`${registry.host}/team/app@${digestOf(registry.manifests.get('1')?.text ?? '')}`]);
    assert.equal(image.bytes, 15_000);
    assert.equal(progress.at(-1)?.status, `Status: Downloaded newer image for ${name}`);
    for (const status of ['Pulling fs layer', 'Download complete', 'Pull complete'])
      assert.equal(progress.filter((item) => item.status === status).length, 3, status);
    const again = await Array.fromAsync(images.pull(image.digests[0] ?? '', {}));
    assert.equal(again.filter((item) => item.status === 'Already exists').length, 3);
    assert.match(again.at(-1)?.status ?? '', /^Status: Image is up to date for /);
  }));

test('damage and absence are errors that leave nothing', () =>
  room(async (registry, images, directory) => {
    await publish(registry, directory);
    const name = `${registry.host}/team/app`;
    await assert.rejects(Array.fromAsync(images.pull(`${name}:nope`, {})), {
      kind: 'notFound',
      message: `manifest for ${name}:nope not found: manifest unknown: manifest unknown`,
    });
    await assert.rejects(Array.fromAsync(images.pull(`${registry.host}/other/app`, {})), {
      kind: 'notFound',
      message: /^pull access denied for other\/app/,
    });
    await assert.rejects(Array.fromAsync(images.pull(`${name}:1`, { platform: 'linux/s390x' })), {
      kind: 'notFound',
      message: 'no matching manifest for linux/s390x in the manifest list entries',
    });
    for (const [digest, data] of registry.blobs)
      if (data.includes('2222')) registry.blobs.set(digest, Buffer.from(data.toString('latin1').replace('2222', '2322'), 'latin1'));
    await assert.rejects(Array.fromAsync(images.pull(`${name}:1`, {})), { kind: 'invalid', message: /verification failed/ });
    assert.deepEqual(await images.list(), []);
    await assert.rejects(Array.fromAsync(images.pull('127.0.0.1:2/a', {})), {
      kind: 'unavailable',
      message: /^Get "http:\/\/127\.0\.0\.1:2\/v2\/": dial tcp 127\.0\.0\.1:2: connect: connection refused$/,
    });
  }));

/** Publishes `team/app:big` with one plain layer of random data, which no compression shortens. */
function publishBig(
  registry: FakeRegistry,
  size: number,
  change: (layer: { digest: Digest; size: number }) => object = (layer) => layer,
): void {
  const tar = memoryTarBytes({ name: 'random', data: randomBytes(size).toString('base64') });
  registry.blobs.set(digestOf(tar), tar);
  const config = Buffer.from(
    JSON.stringify({ architecture: architecture(), os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] } }),
  );
  registry.blobs.set(digestOf(config), config);
  const layers = [{ mediaType: mediaTypes.ociLayer, ...change({ digest: digestOf(tar), size: tar.length }) }];
  const manifest = { schemaVersion: 2, config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length }, layers };
  registry.manifests.set('big', { type: mediaTypes.ociManifest, text: JSON.stringify(manifest) });
}

test('a download that breaks goes on where it ended, as often as it has to', () =>
  room(async (registry, images) => {
    publishBig(registry, 700_000);
    registry.cutAfter = 100_000;
    const progress = await Array.fromAsync(images.pull(`${registry.host}/team/app:big`, {}));
    assert.match(progress.at(-1)?.status ?? '', /^Status: Downloaded newer image/);
    const starts = registry.ranges.filter((range) => !/ of \d{1,3}$/.test(range)).map((range) => Number.parseInt(range, 10));
    assert.ok(starts.length >= 9, registry.ranges.join());
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(starts).size, starts.length, 'nothing is fetched twice');
    assert.ok(progress.some(({ status }) => /^Retrying in 1 second$/.test(status)));
  }));

test('one that gives nothing is given up', () =>
  room(async (registry, images) => {
    publishBig(registry, 1000);
    registry.cutAfter = 0;
    await assert.rejects(Array.fromAsync(images.pull(`${registry.host}/team/app:big`, {})), {
      kind: 'unavailable',
      message: /blobs\/.*unexpected EOF/,
    });
    assert.deepEqual(await images.list(), []);
  }));

test('sizes that the manifest lies about are refused', () =>
  room(async (registry, images) => {
    const name = `${registry.host}/team/app:big`;
    publishBig(registry, 5000, (layer) => ({ ...layer, size: layer.size - 1 }));
    await assert.rejects(Array.fromAsync(images.pull(name, {})), {
      kind: 'invalid',
      message: /layer sha256:\w+: the manifest says \d+ bytes, the registry sends more/,
    });
    publishBig(registry, 5000, (layer) => ({ ...layer, size: -1 }));
    await assert.rejects(Array.fromAsync(images.pull(name, {})), { kind: 'invalid', message: /size -1 in the manifest/ });
    publishBig(registry, 5000, (layer) => ({ ...layer, digest: 'sha256:../../x' }));
    await assert.rejects(Array.fromAsync(images.pull(name, {})), { kind: 'invalid', message: /invalid digest/ });
  }));

test('an index that nests without end is refused', () =>
  room(async (registry, images) => {
    const platform = { os: 'linux', architecture: architecture() };
    let below: Digest = digestOf('nothing');
    for (let depth = 0; depth < 6; depth++) {
      const text = JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: mediaTypes.ociIndex, digest: below, size: 1, platform }] });
      below = digestOf(text);
      for (const key of [below, 'deep']) registry.manifests.set(key, { type: mediaTypes.ociIndex, text });
    }
    await assert.rejects(Array.fromAsync(images.pull(`${registry.host}/team/app:deep`, {})), {
      kind: 'invalid',
      message: /nests more than 3 deep/,
    });
  }));

test('pulls at once share a download; one that is given up leaves it to the other', () =>
  room(async (registry, images, directory) => {
    publishBig(registry, 600_000);
    registry.cutAfter = 200_000;
    const name = `${registry.host}/team/app:big`;
    const stop = new AbortController();
    const first = Array.fromAsync(images.pull(name, {}, stop.signal));
    const others = [0, 1].map(async () => {
      const seen: string[] = [];
      for await (const { status } of images.pull(name, {})) {
        seen.push(status);
        if (status === 'Downloading') stop.abort();
      }
      return seen.at(-1);
    });
    await assert.rejects(first, { kind: 'canceled' });
    for (const last of await Promise.all(others)) assert.match(last ?? '', /^Status: (?:Downloaded|Image is up)/);
    const starts = registry.ranges.filter((range) => !/ of \d{1,3}$/.test(range));
    assert.equal(new Set(starts).size, starts.length, starts.join());
    assert.ok(directory);
  }));
