/**
 * 100 Deployments of 100 replicas on simulated nodes, from the first create to the last pod that has its node: API server with its
 * durable store, all controllers and the scheduler in one process, as in `davit server`.
 *
 *   node bench/rollout.ts [--deployments 100] [--replicas 100] [--nodes 100]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { deployments, namespaces, nodes, pods } from '../src/api/kubernetes/kinds.ts';
import { silentLog } from '../src/base/log.ts';
import { openHistory } from '../src/daemon/open-history.ts';
import { liveServer } from '../src/kubernetes/apiserver/live.fake.ts';
import { informer } from '../src/kubernetes/client/informer.ts';
import { renewLease } from '../src/kubernetes/controllers/random/nodes.fake.ts';
import { startControllers } from '../src/kubernetes/controllers/start.ts';
import { startScheduler } from '../src/kubernetes/scheduler/start.ts';
import { openStore } from '../src/store/embedded.ts';

const { values } = parseArgs({
  options: {
    deployments: { type: 'string', default: '100' },
    replicas: { type: 'string', default: '100' },
    nodes: { type: 'string', default: '100' },
  },
});
const [count, replicas, nodeCount] = [Number(values.deployments), Number(values.replicas), Number(values.nodes)];
const namespace = 'rollout';

await using stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'davit-rollout-bench-'));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const server = stack.use(await liveServer({ store: await openStore({ path: join(folder, 'store.db') }) }));
const { client } = server.api;
const { record } = stack.use(await openHistory(join(folder, 'history'), silentLog));
const parts = { client, log: silentLog, record };
stack.use(await startControllers({ ...parts, rootCa: 'CA', volumesFolder: folder, balancerPool: '192.0.2.0/28' }));
stack.use(await startScheduler(parts));
await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
const status = {
  allocatable: { cpu: '64', memory: '256Gi', pods: '250' },
  conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
};
for (let index = 0; index < nodeCount; index += 1) {
  const metadata = { name: `node-${index}`, labels: { 'kubernetes.io/hostname': `node-${index}` } };
  await client.update(nodes, { ...(await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata })), status }, 'status');
  await renewLease(client, metadata.name);
}
// A kubelet says every ten seconds that it lives.
const heartbeats = setInterval(async () => {
  for (let index = 0; index < nodeCount; index += 1) await renewLease(client, `node-${index}`);
}, 10_000);
stack.defer(() => clearInterval(heartbeats));

const bound = Promise.withResolvers<void>();
const placed = new Set<string>();
const watched = stack.use(informer(client, pods, { namespace }));
await watched.synced;
watched.onChange(({ object }) => {
  if (object.spec?.nodeName) placed.add(object.metadata.uid ?? '');
  if (placed.size === count * replicas) bound.resolve();
});
const stalls = monitorEventLoopDelay({ resolution: 5 });
stalls.enable();
const began = performance.now();
await Promise.all(
  Array.from({ length: count }, async (_, index) => {
    const labels = { app: `app-${index}` };
    const containers = [{ name: 'c', image: 'busybox', resources: { requests: { cpu: '100m', memory: '100Mi' } } }];
    const spec = { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
    await client.create(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: `app-${index}` }, spec });
  }),
);
await bound.promise;
const seconds = (performance.now() - began) / 1000;
stalls.disable();
const megabytes = process.memoryUsage().rss / 2 ** 20;
console.log(`${count} Deployments × ${replicas} replicas on ${nodeCount} nodes: all scheduled in ${seconds.toFixed(1)} s,`);
console.log(`${((count * replicas) / seconds).toFixed(0)} pods/s; event loop stalls p99 ${(stalls.percentile(99) / 1e6).toFixed(0)} ms,`);
console.log(`longest ${(stalls.max / 1e6).toFixed(0)} ms; ${megabytes.toFixed(0)} MB`);
