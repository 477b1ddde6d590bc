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

test('a server that finds no etcd says which endpoint and what to do', async () => {
  const { code, stderr } = await machine.run(
    [
      `${process.cwd()}/bin/davit`,
      'server',
      '--store=etcd',
      '--etcd-endpoints=http://127.0.0.1:1',
      '--api-port=7443',
      '--run-root',
      `${machine.folder}/other`,
    ],
    { timeoutMs: 40_000, env: { DAVIT_RUN_ROOT: `${machine.folder}/other` } },
  );
  assert.equal(code, 1);
  assert.match(stderr, /http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*Check that etcd runs/);
});
