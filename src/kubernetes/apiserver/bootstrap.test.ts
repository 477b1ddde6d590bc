import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSlices, services } from '../../api/kubernetes/kinds.ts';
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
