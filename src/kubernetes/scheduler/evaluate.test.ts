import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  TopologySpreadConstraint,
} from '../../api/kubernetes/types.generated.ts';
import { clusterOf, decide, node, pod } from './cluster.fake.ts';
import { enough } from './evaluate.ts';
import { profile } from './profile.ts';

const [n1, n2] = [node('n1'), node('n2')];

test('goes to the emptier node, or with bin packing to the fuller', () => {
  const cluster = clusterOf([n1, n2], [[pod('a', { cpu: '1' }), 'n1']]);
  assert.equal(decide(pod('b', { cpu: '500m' }), cluster), 'n2');
  assert.equal(decide(pod('b', { cpu: '500m' }), cluster, profile('packing', { type: 'MostAllocated' })), 'n1');
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 100, score: 10 },
  ];
  assert.equal(decide(pod('b', { cpu: '500m' }), cluster, profile('curve', { type: 'RequestedToCapacityRatio', shape })), 'n1');
});

test('resources: each that is short is named; the number of pods is one', () => {
  assert.equal(decide(pod('b', { cpu: '3', memory: '5Gi' }), clusterOf([n1])), 'n1: Insufficient cpu, Insufficient memory');
  const full = node('n1', { allocatable: { pods: '1' } });
  assert.equal(decide(pod('b'), clusterOf([full], [[pod('a'), 'n1']])), 'n1: Too many pods');
});

test('init containers count by their peak, sidecars with everything after them; the pod’s own requests override', () => {
  const one = (cpu: string): object => ({ image: 'x', resources: { requests: { cpu } } });
  const initContainers = [
    { name: 'side', restartPolicy: 'Always', ...one('500m') },
    { name: 'init', ...one('1400m') },
  ];
  const needy = pod('a', { cpu: '1', spec: { initContainers } });
  assert.equal(decide(needy, clusterOf([n1], [[pod('b', { cpu: '200m' }), 'n1']])), 'n1: Insufficient cpu');
  assert.equal(decide(needy, clusterOf([n1], [[pod('b', { cpu: '100m' }), 'n1']])), 'n1');
  const whole = pod('a', { cpu: '1', spec: { resources: { requests: { cpu: '3' } } } });
  assert.equal(decide(whole, clusterOf([n1])), 'n1: Insufficient cpu');
});

test('cordons and taints keep out, tolerations let in', () => {
  const cordoned = node('n1', { spec: { unschedulable: true } });
  assert.equal(decide(pod('a'), clusterOf([cordoned])), 'n1: node(s) were unschedulable');
  const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
  assert.equal(decide(pod('a', { spec: { tolerations } }), clusterOf([cordoned])), 'n1');
  const tainted = node('n1', { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } });
  assert.equal(decide(pod('a'), clusterOf([tainted])), 'n1: node(s) had untolerated taint(s)');
  assert.equal(decide(pod('a', { spec: { tolerations: [{ key: 'gpu', operator: 'Exists' }] } }), clusterOf([tainted])), 'n1');
  const shunned = node('n1', { spec: { taints: [{ key: 'gpu', effect: 'PreferNoSchedule' }] } });
  assert.equal(decide(pod('a'), clusterOf([shunned, n2])), 'n2');
});

test('a node that is not Ready counts as tainted before it is', () => {
  const silent = node('n1', { ready: 'Unknown' });
  assert.equal(decide(pod('a'), clusterOf([silent])), 'n1: node(s) had untolerated taint(s)');
  const tolerations = [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }];
  assert.equal(decide(pod('a', { spec: { tolerations } }), clusterOf([silent])), 'n1');
});

test('node names, selectors and affinity', () => {
  const refused = "n1: node(s) didn't match Pod's node affinity/selector";
  assert.equal(decide(pod('a', { spec: { nodeSelector: { disk: 'ssd' } } }), clusterOf([n1])), refused);
  const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n2'] }] }];
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
  assert.equal(decide(pod('a', { spec: { affinity: { nodeAffinity } } }), clusterOf([n1, n2])), 'n2');
  const fields = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }];
  const pinned = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: fields } };
  const daemon = pod('a', { cpu: '3', spec: { affinity: { nodeAffinity: pinned } } });
  assert.equal(decide(daemon, clusterOf([n1, n2])), `${refused}; n2: Insufficient cpu`);
  const wish = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference: terms[0] ?? {} }] };
  assert.equal(decide(pod('a', { spec: { affinity: { nodeAffinity: wish } } }), clusterOf([n1, n2])), 'n2');
});

test('host ports', () => {
  const withPort = (hostIP?: string) => ({ containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 80, hostIP }] }] });
  const taken = clusterOf([n1], [[pod('a', { spec: withPort('10.0.0.1') }), 'n1']]);
  assert.equal(decide(pod('b', { spec: withPort() }), taken), "n1: node(s) didn't have free ports for the requested pod ports");
  assert.equal(decide(pod('b', { spec: withPort('10.0.0.2') }), taken), 'n1');
});

test('images that are there already attract', () => {
  const images = [{ names: ['x:latest'], sizeBytes: 900 * 1024 ** 2 }];
  assert.equal(decide(pod('a'), clusterOf([n1, node('n2', { images })])), 'n2');
});

const zone = (name: string, value: string) => node(name, { labels: { zone: value } });
const labels = { app: 'web' };
const labelSelector = { matchLabels: labels };

test('pod affinity: beside the others; the first of a group begins anywhere', () => {
  const near = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector }] } };
  const zones = [zone('n1', 'a'), zone('n2', 'b'), zone('n3', 'b')];
  const web = pod('web', { labels });
  const friend = pod('friend', { spec: { affinity: near } });
  assert.equal(decide(friend, clusterOf(zones, [[web, 'n2']])).slice(0, 2), 'n3');
  assert.equal(decide(friend, clusterOf([zone('n1', 'a')])), "n1: node(s) didn't match pod affinity rules");
  assert.equal(decide(pod('first', { labels, spec: { affinity: near } }), clusterOf([zone('n1', 'a')])), 'n1');
  const elsewhere = pod('web', { labels, namespace: 'other' });
  assert.equal(decide(friend, clusterOf([zone('n1', 'a')], [[elsewhere, 'n1']])), "n1: node(s) didn't match pod affinity rules");
});

test('pod anti-affinity, both ways, with namespaces by label', () => {
  const away = (more: object = {}) => ({
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector, ...more }] },
  });
  const zones = [zone('n1', 'a')];
  const loner = pod('loner', { spec: { affinity: away() } });
  assert.equal(decide(loner, clusterOf(zones, [[pod('web', { labels }), 'n1']])), "n1: node(s) didn't match pod anti-affinity rules");
  assert.equal(
    decide(pod('web', { labels }), clusterOf(zones, [[loner, 'n1']])),
    "n1: node(s) didn't satisfy existing pods anti-affinity rules",
  );
  const byTeam = pod('byTeam', { spec: { affinity: away({ namespaceSelector: { matchLabels: { team: 'x' } } }) } });
  const other = pod('web', { labels, namespace: 'other' });
  const lookups = { namespaceLabels: (name: string): Record<string, string> => (name === 'other' ? { team: 'x' } : {}) };
  assert.equal(decide(byTeam, clusterOf(zones, [[other, 'n1']], lookups)), "n1: node(s) didn't match pod anti-affinity rules");
  assert.equal(decide(byTeam, clusterOf(zones, [[pod('web', { labels }), 'n1']], lookups)), 'n1');
});

test('wishes about other pods', () => {
  const wish = (weight: number) => [{ weight, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector } }];
  const placed = [[pod('web', { labels }), 'n1']] as const;
  const near = { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: wish(100) } };
  const away = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: wish(100) } };
  assert.equal(decide(pod('a', { spec: { affinity: near } }), clusterOf([n2, n1], placed)), 'n1');
  assert.equal(decide(pod('a', { spec: { affinity: away } }), clusterOf([n1, n2], placed)), 'n2');
  const sociable = pod('s', { spec: { affinity: near } });
  assert.equal(decide(pod('web', { labels }), clusterOf([n2, n1], [[sociable, 'n1']])), 'n1');
});

function spread(change: Partial<TopologySpreadConstraint> = {}): {
  readonly spec: { readonly topologySpreadConstraints: TopologySpreadConstraint[] };
} {
  const one = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector, ...change };
  return { spec: { topologySpreadConstraints: [one] } };
}

test('topology spread: skew, missing labels, wishes, minimum of domains', () => {
  const zones = [zone('n1', 'a'), zone('n2', 'b')];
  const placed = [[pod('w1', { labels }), 'n1']] as const;
  const next = (change: Partial<TopologySpreadConstraint>, nodes = zones): string =>
    decide(pod('w2', { labels, ...spread(change) }), clusterOf(nodes, placed));
  assert.equal(next({}), 'n2');
  assert.equal(next({ whenUnsatisfiable: 'ScheduleAnyway' }), 'n2');
  const cordoned = node('n2', { labels: { zone: 'b' }, spec: { unschedulable: true } });
  assert.equal(
    next({}, [zone('n1', 'a'), cordoned]),
    "n1: node(s) didn't match pod topology spread constraints; n2: node(s) were unschedulable",
  );
  const tainted = node('n2', { labels: { zone: 'b' }, spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } });
  assert.equal(next({ nodeTaintsPolicy: 'Honor' }, [zone('n1', 'a'), tainted]), 'n1');
  assert.match(next({ minDomains: 3 }, [zone('n1', 'a')]), /^n1: node\(s\) didn't match pod topology spread constraints$/);
  assert.match(decide(pod('w2', { labels, ...spread() }), clusterOf([node('n2')])), /\(missing required label\)$/);
});

test('topology spread within one revision only', () => {
  const old = { ...labels, rev: '1' };
  const zones = [zone('n1', 'a'), zone('n2', 'b')];
  const placed = [[pod('w1', { labels: old }), 'n1']] as const;
  const fresh = pod('w2', { labels: { ...labels, rev: '2' }, ...spread({ matchLabelKeys: ['rev'] }) });
  const cluster = clusterOf([zones[0] ?? n1], placed);
  assert.equal(decide(fresh, cluster), 'n1');
});

test('pods of one controller are spread without being asked to', () => {
  const placed = [[pod('a', { owner: 'rs' }), 'n1']] as const;
  assert.equal(decide(pod('b', { owner: 'rs' }), clusterOf([n1, n2], placed)), 'n2');
});

const claim = (phase: string, change: object = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { namespace: 'default', name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'slow', ...(phase === 'Bound' && { volumeName: 'pv' }), ...change },
  status: { phase },
});
const usesData = pod('a', { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } });
const slow = (volumeBindingMode: string, provisioner: string): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'slow' },
  provisioner,
  volumeBindingMode,
});

test('claims must exist, be bound or wait for their first pod, and be within reach', () => {
  const volume: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv' },
    spec: {
      storageClassName: 'slow',
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n2'] }] }] },
      },
    },
  };
  const on = (lookups: object, nodes = [n1]): string => decide(usesData, clusterOf(nodes, [], lookups));
  assert.equal(on({}), 'n1: persistentvolumeclaim "data" not found');
  assert.equal(on({ claim: () => claim('Pending') }), 'n1: pod has unbound immediate PersistentVolumeClaims');
  const later = { claim: () => claim('Pending'), storageClass: () => slow('WaitForFirstConsumer', 'davit.dev/local') };
  assert.equal(on(later), 'n1');
  const byHand = { ...later, storageClass: () => slow('WaitForFirstConsumer', 'kubernetes.io/no-provisioner') };
  assert.equal(on(byHand), "n1: node(s) didn't find available persistent volumes to bind");
  assert.equal(on({ ...byHand, volumes: () => [volume] }, [n1, n2]), 'n2');
  assert.equal(on({ claim: () => claim('Bound'), volume: () => volume }), 'n1: node(s) had volume node affinity conflict');
  assert.equal(on({ claim: () => claim('Bound'), volume: () => volume }, [n1, n2]), 'n2');
  const exclusive = { claim: () => claim('Bound', { accessModes: ['ReadWriteOncePod'] }), volume: () => ({ ...volume, spec: {} }) };
  const other = { ...usesData, metadata: { ...usesData.metadata, name: 'b', uid: 'b' } };
  assert.match(decide(usesData, clusterOf([n1], [[other, 'n1']], exclusive)), /ReadWriteOncePod access mode$/);
});

test('of many nodes a part suffices', () => {
  assert.deepEqual([50, 100, 500, 5000, 20_000].map(enough), [50, 100, 230, 500, 1000]);
});
