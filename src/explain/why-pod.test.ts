import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pasted } from '../../test/support/kubectl-shell.ts';
import { nodes, persistentVolumeClaims, pods } from '../api/kubernetes/kinds.ts';
import type { Node, NodeSpec, Pod, PodSpec } from '../api/kubernetes/types.generated.ts';
import { silentLog } from '../base/log.ts';
import { kubeconfigOf, liveServer } from '../kubernetes/apiserver/live.fake.ts';
import type { Client } from '../kubernetes/client/client.ts';
import { informer } from '../kubernetes/client/informer.ts';
import { startControllers } from '../kubernetes/controllers/start.ts';
import { startScheduler } from '../kubernetes/scheduler/start.ts';
import { answerWhy } from './answer-why.ts';
import { renderPodWhy } from './render-why.ts';
import type { PodWhy } from './why-pod.ts';

const kubectlPath = join(import.meta.dirname, '../../.cache/bin/kubectl-1.35');
const options = { skip: existsSync(kubectlPath) ? false : 'no kubectl on this machine' };
const folder = mkdtempSync(join(tmpdir(), 'davit-why-'));
after(() => rmSync(folder, { recursive: true }));

const namespace = 'default';
const labels = { app: 'web' };
const labelSelector = { matchLabels: labels };
const host = 'kubernetes.io/hostname';

interface Cause {
  readonly name: string;
  readonly node?: { readonly spec?: NodeSpec; readonly labels?: Readonly<Record<string, string>>; readonly pods?: string };
  /** Pods that are on the node before. */
  readonly there?: readonly {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly spec?: Partial<PodSpec>;
  }[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly pod: Partial<PodSpec>;
  /** Plugins that object. */
  readonly blamed: readonly string[];
  readonly prepare?: (client: Client) => Promise<unknown>;
}

const asking = (cpu: string): Partial<PodSpec> => ({ containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }] });
const withPort: Partial<PodSpec> = { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 80 }] }] };
const away: Partial<PodSpec> = {
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: host, labelSelector }] } },
};
const near: Partial<PodSpec> = {
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: host, labelSelector }] } },
};
const spread = (topologyKey: string): Partial<PodSpec> => ({
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector, minDomains: 2 }],
});
const inDisk = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }],
  },
};
const usesData: Partial<PodSpec> = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };
const tainted: NodeSpec = { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] };

const causes: readonly Cause[] = [
  { name: 'a cordon', node: { spec: { unschedulable: true } }, pod: {}, blamed: ['NodeUnschedulable'] },
  { name: 'a taint', node: { spec: tainted }, pod: {}, blamed: ['TaintToleration'] },
  { name: 'a node selector', pod: { nodeSelector: { disk: 'ssd' } }, blamed: ['NodeAffinity'] },
  { name: 'node affinity', pod: { affinity: { nodeAffinity: inDisk } }, blamed: ['NodeAffinity'] },
  { name: 'CPU that others have', there: [{ name: 'hog', spec: asking('2') }], pod: asking('1'), blamed: ['NodeResourcesFit'] },
  { name: 'CPU that no node has', pod: asking('8'), blamed: ['NodeResourcesFit'] },
  { name: 'too many pods', node: { pods: '1' }, there: [{ name: 'one' }], pod: {}, blamed: ['NodeResourcesFit'] },
  { name: 'a host port', there: [{ name: 'other', spec: withPort }], pod: withPort, blamed: ['NodePorts'] },
  { name: 'anti-affinity', there: [{ name: 'web', labels }], pod: away, blamed: ['InterPodAffinity'] },
  { name: 'anti-affinity of another pod', there: [{ name: 'loner', spec: away }], labels, pod: {}, blamed: ['InterPodAffinity'] },
  { name: 'affinity', there: [{ name: 'other' }], pod: near, blamed: ['InterPodAffinity'] },
  { name: 'a missing topology label', labels, pod: spread('rack'), blamed: ['PodTopologySpread'] },
  { name: 'skew', there: [{ name: 'web', labels }], labels, pod: spread(host), blamed: ['PodTopologySpread'] },
  { name: 'a missing claim', pod: usesData, blamed: ['VolumeBinding'] },
  {
    name: 'a claim of a class that is missing',
    pod: usesData,
    blamed: ['VolumeBinding'],
    prepare: (client) =>
      client.create(persistentVolumeClaims, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { namespace, name: 'data' },
        spec: { storageClassName: 'fast', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      }),
  },
  { name: 'a gate', pod: { schedulingGates: [{ name: 'example.com/wait' }] }, blamed: [] },
  {
    name: 'four at once',
    node: { spec: { ...tainted, unschedulable: true } },
    there: [{ name: 'hog', spec: { ...asking('2'), tolerations: [{ operator: 'Exists' }] } }],
    pod: { ...asking('1'), nodeSelector: { disk: 'ssd' } },
    blamed: ['NodeUnschedulable', 'TaintToleration', 'NodeAffinity', 'NodeResourcesFit'],
  },
];

for (const cause of causes) {
  test(`${cause.name} is named, and doing what is suggested places the pod`, options, async () => {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await liveServer());
    const { client } = server.api;
    const config = join(folder, 'config');
    writeFileSync(config, kubeconfigOf(server));
    stack.use(
      await startControllers({
        client,
        log: silentLog,
        rootCa: 'CA',
        volumesFolder: join(folder, 'volumes'),
        balancerPool: '192.0.2.0/28',
      }),
    );
    const made = await client.create(nodes, nodeOf(cause.node));
    await client.update(nodes, { ...made, status: nodeOf(cause.node).status }, 'status');
    for (const { name, labels: own, spec } of cause.there ?? []) await client.create(pods, podOf(name, { ...spec, nodeName: 'n1' }, own));
    await cause.prepare?.(client);
    const scheduler = stack.use(await startScheduler({ client, log: silentLog }));
    await client.create(pods, podOf('waiting', cause.pod, cause.labels));
    await until(
      client,
      (pod) => pod.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False') === true,
    );
    const why = (await answerWhy({ client, reader: server.api.reader, scheduler })(['pod', namespace, 'waiting'])) as PodWhy;
    const [blame] = why.nodes;
    assert.deepEqual(blame?.refusals.map(({ plugin }) => plugin) ?? [], cause.blamed, renderPodWhy(why));
    const commands = why.suggestion?.fixes.map(({ command }) => command) ?? [];
    assert(commands.length > 0, renderPodWhy(why));
    for (const command of commands) await pasted(command, { kubectl: kubectlPath, kubeconfig: config, home: folder });
    await until(client, (pod) => pod.spec?.nodeName === 'n1');
  });
}

function nodeOf({ spec = {}, labels: own = {}, pods: room = '10' }: NonNullable<Cause['node']> = {}): Node {
  const status = {
    allocatable: { cpu: '2', memory: '4Gi', pods: room },
    conditions: [{ type: 'Ready', status: 'True' }],
  };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { [host]: 'n1', ...own } }, spec, status };
}

function podOf(name: string, spec: Partial<PodSpec>, own: Readonly<Record<string, string>> = {}): Pod {
  const containers = [{ name: 'c', image: 'x' }];
  const terminationGracePeriodSeconds = 0;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: own },
    spec: { containers, terminationGracePeriodSeconds, ...spec },
  };
}

/** Waits for the pod `waiting`. */
async function until(client: Client, holds: (pod: Pod) => boolean): Promise<void> {
  await using watched = informer(client, pods);
  const { promise, resolve } = Promise.withResolvers<void>();
  watched.onChange(({ object }) => {
    if (object.metadata.name === 'waiting' && holds(object)) resolve();
  });
  await promise;
}
