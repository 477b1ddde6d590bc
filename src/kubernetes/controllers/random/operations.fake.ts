import * as kinds from '../../../api/kubernetes/kinds.ts';
import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { Node, Pod, PodTemplateSpec } from '../../../api/kubernetes/types.generated.ts';
import type { Client } from '../../client/client.ts';
import type { Dice } from './dice.fake.ts';
import { addNode } from './nodes.fake.ts';

export const namespace = 'default';

/** What people wish for; the rest of the kinds is the controllers' own. */
export const wishKinds: readonly Kind[] = [
  kinds.deployments,
  kinds.replicaSets,
  kinds.replicationControllers,
  kinds.statefulSets,
  kinds.daemonSets,
  kinds.jobs,
] as readonly unknown[] as readonly Kind[];

const names = ['a', 'b', 'c'];
const nodeNames = ['n1', 'n2', 'n3', 'n4'];
const maintenance = { key: 'maintenance', effect: 'NoExecute' } as const;

type Operation = (client: Client, dice: Dice) => Promise<string>;

/** Each with its weight. */
const operations: readonly (readonly [number, Operation])[] = [
  [20, make],
  [15, scale],
  [15, changeTemplate],
  [8, remove],
  [15, deletePod],
  [6, failPod],
  [4, relabelPod],
  [4, pause],
  [3, orderNode],
  [4, cordon],
  [3, drain],
  [5, service],
  [4, budget],
];

/** One thing that somebody does; returns what it was. Errors are the server's. */
export async function operate(client: Client, dice: Dice): Promise<string> {
  let throwOf = dice.below(operations.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, operation] of operations) {
    if (throwOf < weight) return operation(client, dice);
    throwOf -= weight;
  }
  return 'nothing';
}

function templateOf(labels: Readonly<Record<string, string>>, dice: Dice, restartPolicy?: string): PodTemplateSpec {
  const containers = [{ name: 'c', image: `app:${dice.below(4)}`, ports: [{ containerPort: 80 }] }];
  return { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, restartPolicy, containers } };
}

async function make(client: Client, dice: Dice): Promise<string> {
  const kind = dice.pick(wishKinds) ?? kinds.jobs;
  const name = names[dice.below(names.length)] ?? '';
  const labels = { app: `${kind.resource}-${name}` };
  const isJob = kind.resource === 'jobs';
  const template = templateOf(labels, dice, isJob ? 'Never' : undefined);
  const selector = kind.resource === 'replicationcontrollers' ? labels : { matchLabels: labels };
  const replicas = dice.below(5);
  const more: Readonly<Record<string, object>> = {
    deployments: { replicas, revisionHistoryLimit: 2, ...(dice.chance(25) && { strategy: { type: 'Recreate' } }) },
    replicasets: { replicas },
    replicationcontrollers: { replicas },
    statefulsets: {
      replicas,
      serviceName: name,
      revisionHistoryLimit: 2,
      podManagementPolicy: dice.chance(50) ? 'Parallel' : 'OrderedReady',
    },
    daemonsets: { revisionHistoryLimit: 2 },
    jobs: { completions: 1 + dice.below(3), parallelism: 1 + dice.below(3) },
  };
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
  const spec = { ...more[kind.resource], template, ...(!isJob && { selector }) };
  await client.create(kind, { apiVersion, kind: kind.kind, metadata: { namespace, name }, spec } as KubernetesObject);
  return `create ${kind.kind} ${name}`;
}

/** One of the wishes that are there. */
async function wish(client: Client, dice: Dice, of: readonly Kind[]): Promise<readonly [Kind, KubernetesObject] | undefined> {
  const kind = dice.pick(of);
  if (!kind) return undefined;
  const { items } = await client.list(kind, { namespace });
  // What has a controller is no wish of a person.
  const found = dice.pick(items.filter(({ metadata }) => !metadata.ownerReferences?.length));
  return found && [kind, found];
}

async function changeSpec(client: Client, dice: Dice, of: readonly Kind[], body: object, what: string): Promise<string> {
  const found = await wish(client, dice, of);
  if (!found) return 'nothing';
  const [kind, { metadata }] = found;
  await client.patch(kind, { namespace, name: metadata.name ?? '' }, { type: 'strategic', body: { spec: body } });
  return `${what} ${kind.kind} ${metadata.name}`;
}

const scaled = wishKinds.slice(0, 4);
const templated = wishKinds.slice(0, 5);

async function scale(client: Client, dice: Dice): Promise<string> {
  const replicas = dice.below(6);
  return changeSpec(client, dice, scaled, { replicas }, `scale to ${replicas}`);
}

async function changeTemplate(client: Client, dice: Dice): Promise<string> {
  const image = `app:${dice.below(4)}`;
  return changeSpec(client, dice, templated, { template: { spec: { containers: [{ name: 'c', image }] } } }, `set ${image} of`);
}

async function pause(client: Client, dice: Dice): Promise<string> {
  const paused = dice.chance(30);
  return changeSpec(client, dice, [kinds.deployments], { paused }, paused ? 'pause' : 'resume');
}

async function remove(client: Client, dice: Dice): Promise<string> {
  const found = await wish(client, dice, wishKinds);
  if (!found) return 'nothing';
  const [kind, { metadata }] = found;
  const propagationPolicy = (['Background', 'Foreground', 'Orphan'] as const)[dice.below(3)];
  await client.delete(kind, { namespace, name: metadata.name ?? '' }, { propagationPolicy });
  return `delete ${kind.kind} ${metadata.name} (${propagationPolicy})`;
}

async function somePod(client: Client, dice: Dice): Promise<Pod | undefined> {
  return dice.pick((await client.list(kinds.pods, { namespace })).items);
}

async function deletePod(client: Client, dice: Dice): Promise<string> {
  const pod = await somePod(client, dice);
  const isForced = dice.chance(30);
  if (!pod) return 'nothing';
  const { name = '' } = pod.metadata;
  await client.delete(kinds.pods, { namespace, name }, isForced ? { gracePeriodSeconds: 0 } : {});
  return `delete Pod ${name}${isForced ? ' at once' : ''}`;
}

async function failPod(client: Client, dice: Dice): Promise<string> {
  const pod = await somePod(client, dice);
  // A Job waits longer from failure to failure: that is for its own tests.
  if (!pod || pod.spec?.restartPolicy === 'Never') return 'nothing';
  const { name = '' } = pod.metadata;
  await client.patch(
    kinds.pods,
    { namespace, name },
    { type: 'merge', body: { status: { phase: 'Failed', reason: 'Evicted' } } },
    'status',
  );
  return `fail Pod ${name}`;
}

/** Its controller must let go of it; it stays for itself. One with a number would stand in its StatefulSet's way for ever. */
async function relabelPod(client: Client, dice: Dice): Promise<string> {
  const pod = await somePod(client, dice);
  const { name = '' } = pod?.metadata ?? {};
  if (!pod || /-\d+$/.test(name)) return 'nothing';
  await client.patch(kinds.pods, { namespace, name }, { type: 'merge', body: { metadata: { labels: { app: 'strayed' } } } });
  return `relabel Pod ${name}`;
}

async function orderNode(client: Client, dice: Dice): Promise<string> {
  const name = nodeNames[dice.below(nodeNames.length)] ?? '';
  await addNode(client, name);
  return `add Node ${name}`;
}

async function changeNode(client: Client, dice: Dice, change: (node: Node) => Node['spec'], what: string): Promise<string> {
  const node = dice.pick((await client.list(kinds.nodes)).items);
  if (!node) return 'nothing';
  await client.update(kinds.nodes, { ...node, spec: change(node) });
  return `${what} Node ${node.metadata.name}`;
}

/** The first node always takes pods. */
const mayRest = (node: Node, wanted: boolean): boolean => wanted && node.metadata.name !== 'n1';

function cordon(client: Client, dice: Dice): Promise<string> {
  const wanted = dice.chance(40);
  return changeNode(client, dice, (node) => ({ ...node.spec, unschedulable: mayRest(node, wanted) }), wanted ? 'cordon' : 'uncordon');
}

function drain(client: Client, dice: Dice): Promise<string> {
  const wanted = dice.chance(40);
  const change = (node: Node): Node['spec'] => {
    const others = (node.spec?.taints ?? []).filter(({ key }) => key !== maintenance.key);
    return { ...node.spec, taints: [...others, ...(mayRest(node, wanted) ? [maintenance] : [])] };
  };
  return changeNode(client, dice, change, wanted ? 'taint' : 'untaint');
}

async function service(client: Client, dice: Dice): Promise<string> {
  const name = `svc-${names[dice.below(names.length)]}`;
  const app = `${dice.pick(wishKinds)?.resource}-${dice.pick(names)}`;
  if (dice.chance(30)) {
    await client.delete(kinds.services, { namespace, name });
    return `delete Service ${name}`;
  }
  await client.create(kinds.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { selector: { app }, ports: [{ port: 80 }] },
  });
  return `create Service ${name} for ${app}`;
}

async function budget(client: Client, dice: Dice): Promise<string> {
  const name = `pdb-${dice.pick(names)}`;
  const app = `${dice.pick(wishKinds)?.resource}-${dice.pick(names)}`;
  if (dice.chance(40)) {
    await client.delete(kinds.podDisruptionBudgets, { namespace, name });
    return `delete PodDisruptionBudget ${name}`;
  }
  await client.create(kinds.podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace, name },
    spec: { minAvailable: 1, selector: { matchLabels: { app } } },
  });
  return `create PodDisruptionBudget ${name} for ${app}`;
}
