/** A cluster whose objects are in etcd: three members, TLS with client certificates. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EtcdCluster } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { busyboxTar } from '../support/images.ts';
import { Machine } from '../support/machine.ts';

let machine: Machine;
let etcd: EtcdCluster;
const uplink = '198.18.180.1';

before(async () => {
  machine = await Machine.create('etcd', 180);
  await machine.ok(['true']);
  etcd = await EtcdCluster.start({ members: 3, tls: true, host: uplink });
  const { caPath, certPath, keyPath } = etcd.tls ?? assert.fail();
  const tls = [`--etcd-cafile=${caPath}`, `--etcd-certfile=${certPath}`, `--etcd-keyfile=${keyPath}`];
  await machine.davit('up', '--store=etcd', `--etcd-endpoints=${etcd.endpoints.join(',')}`, ...tls);
});

after(async () => {
  await machine[Symbol.asyncDispose]();
  await etcd[Symbol.asyncDispose]();
});

test('kubectl’s objects lie in etcd where kube-apiserver keeps them', async () => {
  await machine.kubectl('create', 'configmap', 'told', '--from-literal=a=1');
  const kept = JSON.parse(await etcd.etcdctl(['get', '/registry/configmaps/default/told', '--print-value-only'])) as { data: object };
  assert.deepEqual(kept.data, { a: '1' });
  const keys = await etcd.etcdctl(['get', '/registry/', '--prefix', '--keys-only']);
  for (const key of ['/registry/minions/node-1', '/registry/services/specs/default/kubernetes', '/registry/namespaces/kube-system']) {
    assert(keys.split('\n').includes(key), key);
  }
  assert.equal(await machine.kubectl('get', '-n', 'kube-system', 'configmap', 'none', '--ignore-not-found'), '');
});

test('pods run, and a change that somebody makes in etcd is seen by a watch', async () => {
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
  await machine.kubectl('run', 'one', '--image=busybox:test', '--image-pull-policy=IfNotPresent', '--restart=Never', '--', 'sleep', '1000');
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/one', '--timeout=30s');
  const value = JSON.parse(await etcd.etcdctl(['get', '/registry/configmaps/default/told', '--print-value-only'])) as object;
  const waiting = machine.kubectl('wait', '--for=jsonpath={.data.a}=2', 'configmap/told', '--timeout=20s');
  await etcd.etcdctl(['put', '/registry/configmaps/default/told', JSON.stringify({ ...value, data: { a: '2' } })]);
  assert.match(await waiting, /condition met/);
  await machine.kubectl('delete', 'pod', 'one', '--grace-period=1');
});

test('the leader is killed: kubectl goes on, nothing acknowledged is lost; a new member catches up', async () => {
  const leader = await etcd.leader();
  const create = (name: string): Promise<string> => machine.kubectl('create', 'configmap', name, '--from-literal=a=1');
  await create('before');
  await etcd.kill(leader);
  // A write whose member died may be refused as unclear; the next is not.
  await eventually(() => create('during'), { withinMs: 30_000 });
  assert.match(await machine.kubectl('get', 'configmap', '-o', 'name'), /before\n(.*\n)*configmap\/during/);
  etcd.startMember(leader);
  await etcd.healthy();
  await create('after');
});

test('davit store: a snapshot while davit runs; a restore is refused until it is down; help shows examples', async () => {
  const davit = (...args: readonly string[]): ReturnType<Machine['run']> => machine.run([`${process.cwd()}/bin/davit`, 'store', ...args]);
  const file = `${machine.folder}/cluster.snapshot`;
  const made = await davit('snapshot', file);
  assert.match(made.stdout, /cluster\.snapshot: \d+ objects at revision \d+/, made.stderr);
  const refused = await davit('restore', file, '--force');
  assert.deepEqual(
    [refused.code, /davit server \(pid \d+\) is using the store: run `davit down --keep-containers`/.test(refused.stderr)],
    [1, true],
  );
  assert.match((await davit('defragment')).stdout, /(.*https:.*MB before.*MB now\n){3}/);
  assert.match((await davit('import', '--help')).stdout, /Examples:\n {2}davit store import --from=embedded --to=etcd/);
});
