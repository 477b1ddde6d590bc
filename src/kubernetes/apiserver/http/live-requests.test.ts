import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { namespaces, nodes, pods } from '../../../api/kubernetes/kinds.ts';
import { metricsResources } from '../metrics-resources.ts';
import type { Usage } from '../../metrics/usage.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';

let live: LiveServer;
const usage: Usage = {
  at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  windowMs: 15_060,
  nodes: new Map([['one', { cpu: 0.25, memory: 3 << 20 }]]),
  pods: new Map([['default/web', new Map([['c', { cpu: 0.0114372691, memory: 16_199_680 }]])]]),
};

before(async () => {
  live = await liveServer();
  live.api.addLive(...metricsResources(live.api.client, async () => usage));
  const containers = [{ name: 'c', image: 'i' }];
  for (const name of ['one', 'silent']) await live.api.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  await live.api.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
  for (const [namespace, name] of [
    ['default', 'web'],
    ['default', 'new'],
    ['other', 'web'],
  ] as const)
    await live.api.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name, labels: { app: name } },
      spec: { containers },
    });
});
after(async () => {
  await live[Symbol.asyncDispose]();
});

interface Answer {
  readonly code: number;
  readonly body: Body;
}

/** What the tests look into, of lists, objects, discovery and refusals. */
interface Body {
  readonly metadata: { readonly name: string; readonly labels?: object };
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
  readonly containers: unknown;
  readonly message: string;
  readonly resources: readonly Readonly<Record<string, unknown>>[];
}

async function ask(path: string, method = 'GET'): Promise<Answer> {
  const outgoing = request(`${live.api.url}/apis/metrics.k8s.io/v1beta1${path}`, { method, ca: live.ca, ...live.admin, agent: false });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { code: incoming.statusCode ?? 0, body: JSON.parse(Buffer.concat(await incoming.toArray()).toString('utf8')) as Body };
}

test('metrics of nodes and pods, in metrics-server’s form', async () => {
  const { body } = await ask('/nodes');
  assert.deepEqual(body, {
    kind: 'NodeMetricsList',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: {},
    items: [
      {
        apiVersion: 'metrics.k8s.io/v1beta1',
        kind: 'NodeMetrics',
        metadata: { name: 'one', creationTimestamp: '2026-01-02T03:04:05Z' },
        timestamp: '2026-01-02T03:04:05Z',
        window: '15.06s',
        usage: { cpu: '250000000n', memory: '3072Ki' },
      },
    ],
  });
  const one = await ask('/namespaces/default/pods/web');
  assert.deepEqual(one.body.containers, [{ name: 'c', usage: { cpu: '11437269n', memory: '15820Ki' } }]);
  assert.deepEqual(one.body.metadata.labels, { app: 'web' });
});

test('selectors, namespaces, what is not there, and verbs that make no sense', async () => {
  const names = async (path: string): Promise<string[]> => (await ask(path)).body.items.map((item) => item.metadata.name);
  assert.deepEqual(await names('/pods'), ['web']);
  assert.deepEqual(await names('/namespaces/other/pods'), []);
  assert.deepEqual(await names('/pods?labelSelector=app%3Dnew'), []);
  assert.deepEqual(await names('/pods?fieldSelector=metadata.name%3Dweb'), ['web']);
  const missing = await ask('/namespaces/other/pods/web');
  assert.deepEqual([missing.code, missing.body.message], [404, 'pods.metrics.k8s.io "web" not found']);
  assert.equal((await ask('/namespaces/default/pods/web', 'DELETE')).code, 405);
});

test('discovery names them', async () => {
  const { body } = await ask('');
  assert.deepEqual(
    body.resources.map(({ name, kind, namespaced, verbs }) => [name, kind, namespaced, verbs]),
    [
      ['nodes', 'NodeMetrics', false, ['get', 'list']],
      ['pods', 'PodMetrics', true, ['get', 'list']],
    ],
  );
});
