import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, type Config } from './config.ts';

const load = (flags: Partial<Config>): Config => loadConfig({ runRoot: '/run/davit-no-such', ...flags }, {}, { nodeIp: '10.0.0.5' });

test('the store is embedded unless told; etcd needs endpoints, whole key pairs and a path', () => {
  assert.equal(load({}).store, 'embedded');
  assert.deepEqual(load({ store: 'etcd', etcdEndpoints: ['http://a:1'] }).etcdPrefix, '/registry');
  const wrong: readonly (readonly [Partial<Config>, RegExp])[] = [
    [{ store: 'etcd' }, /--store=etcd needs the client URLs.*--etcd-endpoints=/],
    [{ etcdEndpoints: ['http://a:1'] }, /--etcd-endpoints is for --store=etcd/],
    [{ store: 'etcd', etcdEndpoints: ['http://a:1'], etcdCertfile: 'a.crt' }, /--etcd-certfile and --etcd-keyfile belong together/],
    [{ store: 'etcd', etcdEndpoints: ['http://a:1'], etcdPrefix: 'registry/' }, /want a path such as \/registry/],
    [{ store: 'file' as 'etcd' }, /want embedded or etcd/],
  ];
  for (const [flags, message] of wrong) assert.throws(() => load(flags), { kind: 'invalid', message });
});
