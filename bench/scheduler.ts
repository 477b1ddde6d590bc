/**
 * Upstream's scheduler_perf workloads on simulated nodes: the same shapes and counts of nodes and pods, on davit's API
 * server in process with its durable store. Beside each: upstream's own threshold (pods per second).
 *
 *   node bench/scheduler.ts [--nodes 5000] [--only basic,spread] [--divide 1]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { namespaces, nodes, pods } from '../src/api/kubernetes/kinds.ts';
import type { Pod } from '../src/api/kubernetes/types.generated.ts';
import { silentLog } from '../src/base/log.ts';
import { liveServer } from '../src/kubernetes/apiserver/live.fake.ts';
import type { Client } from '../src/kubernetes/client/client.ts';
import { informer } from '../src/kubernetes/client/informer.ts';
import { startScheduler } from '../src/kubernetes/scheduler/start.ts';
import { openStore } from '../src/store/embedded.ts';
import { type Workload, workloads } from './scheduler-workloads.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    only: { type: 'string', default: '' },
    divide: { type: 'string', default: '1' },
  },
});
const [nodeCount, divide] = [Number(values.nodes), Number(values.divide)];
const wanted = values.only.split(',').filter(Boolean);

console.log(`workload        nodes   pods   pods/s   wanted        p99 stall   longest    memory`);
let isMet = true;
for (const workload of workloads) {
  if (wanted.length > 0 && !wanted.includes(workload.name)) continue;
  const { rate, measured, p99, longest, megabytes } = await run(workload);
  const met = rate >= workload.threshold;
  isMet &&= met;
  const cells = [
    workload.name.padEnd(14),
    String(nodeCount).padStart(6),
    String(measured).padStart(6),
    rate.toFixed(0).padStart(8),
    `${met ? '✓' : '✗'} ≥ ${workload.threshold}`.padStart(8),
    `${p99.toFixed(0)} ms`.padStart(14),
    `${longest.toFixed(0)} ms`.padStart(10),
    `${megabytes.toFixed(0)} MB`.padStart(9),
  ];
  console.log(cells.join(' '));
}
process.exitCode = isMet ? 0 : 1;

async function run(workload: Workload): Promise<{ rate: number; measured: number; p99: number; longest: number; megabytes: number }> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'davit-scheduler-bench-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const server = stack.use(await liveServer({ store: await openStore({ path: join(folder, 'store.db') }) }));
  const { client } = server.api;
  for (const name of ['sched-0', 'sched-1']) await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await many(nodeCount, async (index) => void (await client.create(nodes, workload.node(index))));
  stack.use(await startScheduler({ client, log: silentLog }));
  const watch = stack.use(scheduledCount(client));
  const initial = Math.round((workload.initial * nodeCount) / 5000 / divide);
  const measured = Math.round((workload.measured * nodeCount) / 5000 / divide);
  await many(initial, async (index) => void (await client.create(pods, workload.initialPod(index))));
  await watch.until(initial);
  globalThis.gc?.();
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  const churn = workload.churn && startChurn(client, workload.churn);
  stalls.enable();
  const began = performance.now();
  await many(measured, async (index) => void (await client.create(pods, workload.measuredPod(index))));
  await watch.until(initial + measured);
  const seconds = (performance.now() - began) / 1000;
  stalls.disable();
  await churn?.[Symbol.asyncDispose]();
  const megabytes = process.memoryUsage().rss / 1e6;
  return { rate: measured / seconds, measured, p99: stalls.percentile(99) / 1e6, longest: stalls.max / 1e6, megabytes };
}

/** As many requests at a time as upstream's client has in flight. */
async function many(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: 30 }, worker));
}

/** Counts the workload's pods that have a node. */
function scheduledCount(client: Client): AsyncDisposable & { until(count: number): Promise<void> } {
  const watched = informer(client, pods);
  const placed = new Set<string>();
  let [goal, reach] = [Number.POSITIVE_INFINITY, (): void => undefined];
  watched.onChange(({ object }: { readonly object: Pod }) => {
    if (!object.spec?.nodeName || object.metadata.labels?.['churn']) return;
    placed.add(object.metadata.uid ?? '');
    if (placed.size >= goal) reach();
  });
  return {
    until: (count) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      [goal, reach] = [count, resolve];
      if (placed.size >= goal) resolve();
      return promise;
    },
    [Symbol.asyncDispose]: () => watched[Symbol.asyncDispose](),
  };
}

/** Makes and deletes a node and a pod that fits nowhere, once a second, as upstream's churn op does. */
function startChurn(client: Client, { node, pod }: NonNullable<Workload['churn']>): AsyncDisposable {
  let count = 0;
  let work = Promise.resolve();
  const step = async (): Promise<void> => {
    const index = count++;
    const [madeNode, madePod] = [node(index), pod(index)];
    await client.create(nodes, madeNode);
    await client.create(pods, madePod);
    await client.delete(pods, { namespace: 'sched-0', name: madePod.metadata.name ?? '' });
    await client.delete(nodes, { name: madeNode.metadata.name ?? '' });
  };
  const timer = setInterval(() => (work = work.then(step).catch(() => undefined)), 1000);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await work;
    },
  };
}
