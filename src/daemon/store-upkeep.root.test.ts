import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EtcdCluster } from '../../test/support/etcd.ts';
import { silentLog } from '../base/log.ts';
import { hostStartTime } from '../kernel/process-facts.ts';
import type { Content } from '../store/content.ts';
import type { Store } from '../store/store.ts';
import { type Config, loadConfig, pathsOf } from './config.ts';
import { removeRole, writeRole } from './role-file.ts';
import { openServerStore } from './server-store.ts';
import { compactStore, defragmentStore, importStore, restoreStore, snapshotStore } from './store-upkeep.ts';

const folder = mkdtempSync(join(tmpdir(), 'davit-up-'));
const quiet = (): void => undefined;
let etcd: EtcdCluster;
before(async () => {
  etcd = await EtcdCluster.start();
});
after(async () => {
  await etcd[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

let configs = 0;
function newConfig(store: Config['store']): Config {
  const root = join(folder, String(configs++));
  const etcdFlags = { store: 'etcd', etcdEndpoints: etcd.endpoints, etcdPrefix: `/cluster-${configs}` } as const;
  return loadConfig({ dataRoot: root, runRoot: join(root, 'run'), ...(store === 'etcd' && etcdFlags) }, {}, { nodeIp: '10.0.0.5' });
}
const embeddedBeside = (config: Config): Config => ({ ...config, store: 'embedded' });

async function fill(config: Config, count: number): Promise<void> {
  await using store = await openServerStore(config, silentLog);
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.write([{ put: `/registry/pods/p${String(index).padStart(5, '0')}`, value: new Uint8Array(2000).fill(index) }]),
    ),
  );
  await store.write([{ delete: '/registry/pods/p00000' }, { put: '/registry/pods/p00001', value: new Uint8Array([1]) }]);
}

/** What users see: keys and values. */
const objectsOf = (store: Store): readonly string[] =>
  store.range('/registry/').entries.map(({ key, value }) => `${key}=${Buffer.from(value).toString('base64')}`);

async function contentOf(config: Config): Promise<readonly string[]> {
  await using store = await openServerStore(config, silentLog);
  return objectsOf(store);
}

for (const backend of ['embedded', 'etcd'] as const) {
  test(`${backend}: what a snapshot holds is restored, revisions go on beyond, and older positions expire`, async () => {
    const config = newConfig(backend);
    await fill(config, 300);
    const wanted = await contentOf(config);
    const file = join(folder, `${backend}.snapshot`);
    const told: number[] = [];
    const { entries, revision } = await snapshotStore(config, file, (done) => told.push(done));
    assert.deepEqual([entries.length, told.at(-1)], [299, 299]);
    await assert.rejects(snapshotStore(config, file, quiet), { kind: 'alreadyExists', message: /choose another name/ });
    await using lost = await openServerStore(config, silentLog);
    const { revision: last } = await lost.write([{ put: '/registry/pods/later', value: new Uint8Array([9]) }]);
    await lost[Symbol.asyncDispose]();
    await assert.rejects(restoreStore(config, file, false, quiet), { kind: 'alreadyExists', message: /holds 300 objects: --force/ });
    await restoreStore(config, file, true, quiet);
    await using store = await openServerStore(config, silentLog);
    assert.deepEqual(objectsOf(store), wanted);
    assert(store.revision > last && store.revision > revision);
    const watch = store.watch('/registry/', { after: last }, new AbortController().signal)[Symbol.asyncIterator]();
    await assert.rejects(Promise.resolve(watch.next()), { kind: 'expired' });
    const next = await store.write([{ put: '/registry/pods/new', value: new Uint8Array([1]), ifRevision: 0 }]);
    assert(next.revision > last);
  });
}

test('a snapshot is restored where there was nothing; one that is cut off is refused', async () => {
  const source = newConfig('embedded');
  await fill(source, 50);
  const file = join(folder, 'moved.snapshot');
  await snapshotStore(source, file, quiet);
  const target = newConfig('embedded');
  await restoreStore(target, file, false, quiet);
  assert.deepEqual(await contentOf(target), await contentOf(source));
  truncateSync(file, 20_000);
  await assert.rejects(restoreStore(newConfig('embedded'), file, false, quiet), { message: /moved\.snapshot: the file is damaged/ });
  await assert.rejects(restoreStore(target, join(folder, 'none'), true, quiet), { kind: 'notFound' });
});

test('a damaged store is replaced by a snapshot with --force', async () => {
  const config = newConfig('embedded');
  await fill(config, 50);
  const wanted = await contentOf(config);
  const file = join(folder, 'good.snapshot');
  await snapshotStore(config, file, quiet);
  writeFileSync(pathsOf(config).serverStore, 'no database at all'.repeat(500));
  await restoreStore(config, file, true, quiet);
  assert.deepEqual(await contentOf(config), wanted);
});

test('a cluster moves to etcd and back; more than one transaction takes is split', async () => {
  const config = newConfig('etcd');
  const embedded = embeddedBeside(config);
  await fill(embedded, 1200);
  const wanted = await contentOf(embedded);
  const { entries }: Content = await importStore(config, { from: 'embedded', to: 'etcd', isForced: false }, quiet);
  assert.equal(entries.length, 1199);
  assert.deepEqual(await contentOf(config), wanted);
  assert.equal((await etcd.etcdctl(['get', `${config.etcdPrefix}/pods/p00001`, '--print-value-only'])).charCodeAt(0), 1);
  await using moved = await openServerStore(config, silentLog);
  await moved.write([{ delete: '/registry/pods/p00001' }]);
  await moved[Symbol.asyncDispose]();
  await assert.rejects(importStore(config, { from: 'etcd', to: 'embedded', isForced: false }, quiet), { kind: 'alreadyExists' });
  await importStore(config, { from: 'etcd', to: 'embedded', isForced: true }, quiet);
  assert.deepEqual(await contentOf(embedded), wanted.slice(1));
  await assert.rejects(importStore(config, { from: 'etcd', to: 'etcd', isForced: true }, quiet), { kind: 'invalid' });
});

test('nothing is touched while a server of this machine runs', async () => {
  const config = newConfig('embedded');
  await fill(config, 5);
  const startTime = hostStartTime(process.pid) ?? 0;
  writeRole(config.runRoot, { role: 'server', pid: process.pid, startTime, version: '0', startedAt: '', sockets: [] });
  const refused = { kind: 'conflict', message: /pid \d+\) is using the store: run `davit down --keep-containers` first/ };
  await assert.rejects(snapshotStore(config, join(folder, 'x'), quiet), refused);
  await assert.rejects(restoreStore(config, join(folder, 'good.snapshot'), true, quiet), refused);
  await assert.rejects(compactStore(config), refused);
  await assert.rejects(defragmentStore(config), refused);
  assert(!existsSync(join(folder, 'x')));
  removeRole(config.runRoot, 'server');
  // A server with other roots, that the role file does not tell of, holds the file's lock.
  await using _store = await openServerStore(config, silentLog);
  await assert.rejects(snapshotStore(config, join(folder, 'x'), quiet), {
    kind: 'unavailable',
    message: /another davit process is using it/,
  });
});

for (const backend of ['embedded', 'etcd'] as const) {
  test(`${backend}: compacting and defragmenting give space back and keep every object`, async () => {
    const config = newConfig(backend);
    for (let round = 0; round < 4; round += 1) await fill(config, 300);
    const wanted = await contentOf(config);
    const revision = await compactStore(config);
    assert(revision > 0);
    const sizes = await defragmentStore(config);
    assert.equal(sizes.length, 1);
    assert(sizes.every((size) => size.after > 0 && size.after <= size.before));
    assert.deepEqual(await contentOf(config), wanted);
    await using store = await openServerStore(config, silentLog);
    assert.throws(() => store.range('/registry/', { revision: revision - 1 }), { kind: 'expired' });
  });
}
