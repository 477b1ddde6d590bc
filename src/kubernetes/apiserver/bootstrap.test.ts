import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterRoleBindings, clusterRoles, endpointSlices, services } from '../../api/kubernetes/kinds.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../api/kubernetes/types.generated.ts';
import { memoryStore } from '../../store/memory.ts';
import { bootstrap } from './bootstrap.ts';
import { Registry } from './registry/registry.ts';
import { addressRange } from './registry/service-addresses.ts';
import { resourceOf } from './resources.ts';

test('a second start on the same store finds everything there and changes nothing', async () => {
  await using store = memoryStore();
  const serviceRange = addressRange('10.96.0.0/16');
  const start = (): Promise<void> => bootstrap(new Registry(store, serviceRange), { serviceRange, nodeIp: '192.0.2.1', port: 6443 });
  await start();
  const { revision } = store;
  await start();
  assert.equal(store.revision, revision);
  const kubernetes = await new Registry(store, serviceRange).get(resourceOf(services), { namespace: 'default', name: 'kubernetes' });
  assert.equal(kubernetes.spec?.['clusterIP'], '10.96.0.1');
  const slice = await new Registry(store, serviceRange).get(resourceOf(endpointSlices), { namespace: 'default', name: 'kubernetes' });
  assert.deepEqual(slice['ports'], [{ name: 'https', port: 6443, protocol: 'TCP' }]);
});

test('default roles get back what they lack and keep what was added, unless they are not to be updated', async () => {
  await using store = memoryStore();
  const serviceRange = addressRange('10.96.0.0/16');
  const registry = new Registry(store, serviceRange);
  const start = (): Promise<void> => bootstrap(registry, { serviceRange, nodeIp: '192.0.2.1', port: 6443 });
  await start();
  const role = async (name: string): Promise<ClusterRole> =>
    (await registry.get(resourceOf(clusterRoles), { name })) as unknown as ClusterRole;
  const own = { apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] };
  const change = (name: string, more: object): Promise<unknown> =>
    registry.update(resourceOf(clusterRoles), { name }, (current) => ({ ...current, ...more }));
  await change('system:controller:ttl-controller', { rules: [own] });
  const { metadata } = await role('system:discovery');
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  await change('system:discovery', { rules: [own], metadata: { ...metadata, annotations } });
  const bindings = resourceOf(clusterRoleBindings);
  await registry.update(bindings, { name: 'system:controller:ttl-controller' }, (current) => ({ ...current, subjects: [] }));
  const other = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', subjects: [] };
  await registry.delete(bindings, { name: 'system:basic-user' });
  await registry.create(bindings, undefined, {
    ...other,
    metadata: { name: 'system:basic-user' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
  });
  await start();
  const { rules = [] } = await role('system:controller:ttl-controller');
  assert.deepEqual(rules[0], own);
  assert.deepEqual(
    rules.slice(1, 3).map(({ verbs, resources }) => [verbs, resources]),
    [
      [['list'], ['nodes']],
      [['patch'], ['nodes']],
    ],
  );
  assert.deepEqual((await role('system:discovery')).rules, [own]);
  const binding = async (name: string): Promise<ClusterRoleBinding> =>
    (await registry.get(bindings, { name })) as unknown as ClusterRoleBinding;
  assert.deepEqual((await binding('system:controller:ttl-controller')).subjects, [
    { kind: 'ServiceAccount', name: 'ttl-controller', namespace: 'kube-system' },
  ]);
  assert.equal((await binding('system:basic-user')).roleRef.name, 'system:basic-user');
  const { revision } = store;
  await start();
  assert.equal(store.revision, revision);
});
