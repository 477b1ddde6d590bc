import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { EtcdCluster } from '../../../test/support/etcd.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { Gate } from '../../../test/support/gate.ts';
import type { Store } from '../store.ts';
import { storeSuite } from '../store.suite.ts';
import { openEtcdStore } from './etcd-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const registry = { own: '/registry', etcd: '/registry' };

let etcd: EtcdCluster;
before(async () => {
  etcd = await EtcdCluster.start();
});
after(() => etcd[Symbol.asyncDispose]());

let stores = 0;
storeSuite('etcd store', (keep) =>
  openEtcdStore({
    endpoints: etcd.endpoints,
    place: { own: '', etcd: `/suite-${stores++}` },
    ...(keep !== undefined && { retention: { keep, trimAt: keep } }),
  }),
);

const open = (endpoints = etcd.endpoints): Promise<Store> => openEtcdStore({ endpoints, place: registry });

test('the reference client reads what davit wrote, and davit what it writes, also outside the prefix', async () => {
  await using store = await open();
  const { revision } = await store.write([{ put: '/registry/pods/default/web', value: bytes('one') }]);
  const told = JSON.parse(await etcd.etcdctl(['get', '/registry/pods/default/web', '-w', 'json'])) as {
    kvs: { mod_revision: number; value: string }[];
  };
  assert.deepEqual([told.kvs[0]?.mod_revision, Buffer.from(told.kvs[0]?.value ?? '', 'base64').toString()], [revision, 'one']);
  await etcd.etcdctl(['put', '/registry/pods/default/web', 'two']);
  await etcd.etcdctl(['put', '/elsewhere', 'x']);
  await store.catchUp();
  const entry = store.get('/registry/pods/default/web');
  assert.deepEqual([new TextDecoder().decode(entry?.value), entry?.version, entry?.modRevision], ['two', 2, revision + 1]);
  assert.equal(store.revision, revision + 2, 'a foreign write counts, too');
  assert.deepEqual(store.range('/elsewhere').entries, []);
  await etcd.etcdctl(['del', '/registry/pods/default/web']);
  await store.catchUp();
  assert.equal(store.get('/registry/pods/default/web'), undefined);
});

test('two API servers on one etcd: a read after the other’s acknowledged write sees it; one of two conditional writers loses', async () => {
  await using one = await open();
  await using two = await open();
  for (let round = 1; round <= 50; round += 1) {
    const { revision } = await one.write([{ put: '/registry/shared', value: bytes(String(round)) }]);
    await two.catchUp();
    assert.equal(two.get('/registry/shared')?.modRevision, revision);
  }
  const ifRevision = one.get('/registry/shared')?.modRevision ?? 0;
  const race = await Promise.allSettled(
    [one, two].map((store) => store.write([{ put: '/registry/shared', value: bytes('race'), ifRevision }])),
  );
  assert.deepEqual(race.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

test('a write tells what it replaced also when this process had not seen it', async () => {
  await using store = await open();
  await store.write([{ put: '/registry/told', value: bytes('1') }]);
  const behind = store.get('/registry/told');
  await etcd.etcdctl(['put', '/registry/told', 'other']);
  const { entries } = await store.write([{ put: '/registry/told', value: bytes('3') }]);
  assert.deepEqual([entries[0]?.version, entries[0]?.createRevision], [3, behind?.createRevision]);
  const { entries: removed } = await store.write([{ delete: '/registry/told' }]);
  assert.equal(new TextDecoder().decode(removed[0]?.value), '3');
});

test('what etcd does not take is refused with its reason and what to do', async () => {
  await using store = await open();
  const many = Array.from({ length: 200 }, (_, index) => ({ put: `/registry/many/${index}`, value: bytes('x') }));
  await assert.rejects(store.write(many), { kind: 'invalid', message: /too many operations.*--max-txn-ops/ });
  const huge = new Uint8Array(2_000_000);
  await assert.rejects(store.write([{ put: '/registry/huge', value: huge }]), { kind: 'invalid', message: /request is too large/ });
  await store.write([{ put: '/registry/small', value: bytes('x') }]);
});

test('no etcd, or a wrong URL: each endpoint is named, with what to do', async () => {
  const patient = { place: registry, patienceMs: 300 };
  await assert.rejects(openEtcdStore({ endpoints: ['http://127.0.0.1:1', 'http://127.0.0.1:2'], ...patient }), {
    kind: 'unavailable',
    message: /http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*http:\/\/127\.0\.0\.1:2: .*Check that etcd runs and that --etcd-endpoints/s,
  });
  await assert.rejects(openEtcdStore({ endpoints: ['127.0.0.1:2379'], ...patient }), {
    kind: 'invalid',
    message: /want http:\/\/host:port/,
  });
  await assert.rejects(openEtcdStore({ endpoints: [], ...patient }), { kind: 'invalid', message: /--etcd-endpoints/ });
});

test('TLS: a client certificate is presented, and one that etcd does not know is refused', async () => {
  await using secure = await EtcdCluster.start({ tls: true });
  const { caPath, certPath, keyPath } = secure.tls ?? assert.fail();
  const pem = (path: string): string => readFileSync(path, 'utf8');
  const ca = pem(caPath);
  const patient = { endpoints: secure.endpoints, place: registry, patienceMs: 300 };
  await using store = await openEtcdStore({ ...patient, tls: { ca, cert: pem(certPath), key: pem(keyPath) } });
  await store.write([{ put: '/registry/a', value: bytes('1') }]);
  assert.match(await secure.etcdctl(['get', '/registry/a', '--print-value-only']), /^1\n/);
  await assert.rejects(openEtcdStore({ ...patient, tls: { ca } }), {
    kind: 'unavailable',
    message: /Check --etcd-cafile, --etcd-certfile/,
  });
  await assert.rejects(openEtcdStore(patient), {
    kind: 'unavailable',
    message: /unable to verify the first certificate.*Check --etcd-cafile/s,
  });
  await using elsewhere = await Gate.before(Number(new URL(secure.endpoints[0] ?? '').port), '127.0.0.2');
  const wrongHost = { endpoints: [`https://127.0.0.2:${elsewhere.port}`], place: registry, patienceMs: 300 };
  const tls = { ca, cert: pem(certPath), key: pem(keyPath) };
  await assert.rejects(openEtcdStore({ ...wrongHost, tls }), { kind: 'unavailable', message: /127\.0\.0\.2 is not in the cert/ });
});

test('a broken watch goes on without gap or duplicate; after a compaction meanwhile, watchers expire and the state is whole', async () => {
  await using gate = await Gate.before(Number(new URL(etcd.endpoints[0] ?? '').port));
  await using store = await open([`http://127.0.0.1:${gate.port}`]);
  await using other = await open();
  const key = '/registry/watched/a';
  const seen: string[] = [];
  const watching = (async () => {
    for await (const batch of store.watch('/registry/watched/', { after: store.revision }, new AbortController().signal)) {
      for (const { type, entry } of batch) seen.push(`${type} ${entry.key} ${entry.version}`);
    }
  })();
  const expired = assert.rejects(watching, { kind: 'expired' });
  await store.write([{ put: key, value: bytes('1') }]);
  await gate.shut();
  await other.write([{ put: key, value: bytes('2') }]);
  await other.write([{ delete: key }]);
  assert.equal(store.get(key)?.version, 1, 'not seen yet');
  await gate.open();
  await store.catchUp();
  await eventually(async () => assert.equal(seen.length, 3), { withinMs: 5_000 });
  assert.deepEqual(seen, [`put ${key} 1`, `put ${key} 2`, `delete ${key} 2`]);

  await gate.shut();
  await other.write([{ put: '/registry/watched/b', value: bytes('1') }]);
  await other.write([{ put: '/registry/watched/b', value: bytes('2') }]);
  await other.compact(other.revision);
  await gate.open();
  await store.catchUp();
  await expired;
  const [b, ...rest] = store.range('/registry/watched/').entries;
  assert.deepEqual([b?.key, b?.version, rest.length], ['/registry/watched/b', 2, 0]);
  assert.throws(() => store.range('/registry/', { revision: store.revision - 1 }), { kind: 'expired' });
  await store.write([{ put: '/registry/watched/c', value: bytes('1') }]);
  assert.equal(seen.length, 3);
});
