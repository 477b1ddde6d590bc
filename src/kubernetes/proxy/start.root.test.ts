/** The running proxy: what somebody does to its table is undone at once. Run in a network namespace of its own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { endpointSlices, services } from '../../api/kubernetes/kinds.ts';
import { silentLog } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { FakeClient } from '../client/client.fake.ts';
import { startProxy } from './start.ts';
import { tableName } from './table-layout.ts';

const nft = async (...words: readonly string[]): Promise<string> => (await promisify(execFile)('nft', words)).stdout;
const client = new FakeClient();
let kernel: Kernel;
let proxy: AsyncDisposable;

before(async () => {
  kernel = await openKernel();
  kernel.links.apply([{ do: 'addBridge', name: 'dvs0' }]);
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web' },
    spec: { type: 'LoadBalancer', clusterIP: '10.96.0.7', ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.9', ipMode: 'VIP' }] } },
  });
  await client.create(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.244.0.5'] }],
    ports: [{ port: 8080 }],
  });
  const options = { nodeName: 'n1', podCidr: '10.244.0.0/24', bridgeName: 'dvs0', otherAddresses: [], log: silentLog };
  proxy = await startProxy({ client, kernel, ...options });
  await eventually(written, { withinMs: 2_000 });
});

after(async () => {
  await proxy[Symbol.asyncDispose]();
  await nft('delete', 'table', 'ip', tableName);
  kernel.links.apply([{ do: 'deleteLink', name: 'dvs0' }]);
  await kernel[Symbol.asyncDispose]();
});

async function written(): Promise<string> {
  const text = await nft('-s', 'list', 'table', 'ip', tableName);
  assert.match(text, /10\.96\.0\.7 \. tcp \. 80 : goto choose-address-1-strangers/);
  return text;
}

test('a balancer’s address is on the bridge', () => {
  assert(kernel.links.list().some(({ name, addresses }) => name === 'dvs0' && addresses.includes('192.0.2.9/32')));
});

for (const [what, ...words] of [
  ['everything flushed', 'flush', 'ruleset'],
  ['the table deleted', 'delete', 'table', 'ip', tableName],
  ['a chain emptied', 'flush', 'chain', 'ip', tableName, 'services'],
  ['an element taken', 'delete', 'element', 'ip', tableName, 'address-frontends', '{ 10.96.0.7 . tcp . 80 }'],
  ['a rule put in', 'insert', 'rule', 'ip', tableName, 'services', 'drop'],
] as const) {
  test(`${what}: as before within two seconds`, async () => {
    const whole = await written();
    await nft(...words);
    await eventually(async () => assert.equal(await nft('-s', 'list', 'table', 'ip', tableName), whole), { withinMs: 2_000 });
  });
}
