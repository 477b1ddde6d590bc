import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configMaps, csiNodes, leases, nodes, pods, serviceAccounts } from '../../../api/kubernetes/kinds.ts';
import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { TokenSpec } from '../../client/client.ts';
import { httpClient } from '../../client/http-client.ts';
import { memoryStore } from '../../../store/memory.ts';
import { Authorizer } from '../access/authorize.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { Registry } from '../registry/registry.ts';
import { addressRange } from '../registry/service-addresses.ts';
import { resourceOf } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';
import { liveServer } from '../live.fake.ts';
import { nodeRestriction } from './node-restriction.ts';

const store = memoryStore();
const registry = new Registry(store, addressRange('10.96.0.0/16'));
const context = { registry, authorizer: new Authorizer(store) };
after(() => store[Symbol.asyncDispose]());

/** The uid of the node n1 that is there. */
let uid = '';
before(async () => {
  uid = (await registry.create(resourceOf(nodes), undefined, node({}))).metadata.uid ?? '';
});

function node(metadata: object, spec?: object): Body {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', ...metadata }, ...(spec && { spec }) } as Body;
}

const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
function pod(spec: object = {}, metadata: object = mirror): Body {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', ...metadata },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...spec },
  } as Body;
}
const elsewhere = pod({ nodeName: 'n2' });
const owned = (owner: object, ...more: readonly object[]): Body =>
  pod({}, { ...mirror, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true, ...owner }, ...more] });
const inContainer = (fields: object): Body => pod({ containers: [{ name: 'c', image: 'i', ...fields }] });
const volume = (source: object): Body => pod({ volumes: [{ name: 'v', ...source }] });
const empty: Body = { apiVersion: 'v1', kind: 'X', metadata: { name: 'n1' } };

interface Row {
  readonly what: string;
  readonly kind: Kind<KubernetesObject>;
  readonly operation: AdmissionRequest['operation'];
  readonly object: () => Body;
  readonly before?: Body;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
  /** After `<resource> "<name>" is forbidden: `; undefined: allowed. `$uid` is the node's. */
  readonly refused?: string;
}

const create = (what: string, object: () => Body, refused?: string): Row => ({ what, kind: pods, operation: 'CREATE', object, refused });
const update = (what: string, now: Body, old: Body, refused?: string): Row => ({
  what,
  kind: nodes,
  operation: 'UPDATE',
  object: () => now,
  before: old,
  refused,
});
const label = (name: string): Body => node({ labels: { [name]: 'x' } });

const rows: readonly Row[] = [
  // nodes
  { what: 'its own node', kind: nodes, operation: 'CREATE', object: () => node({ labels: { 'kubernetes.io/hostname': 'n1' } }) },
  {
    what: 'another node',
    kind: nodes,
    operation: 'CREATE',
    object: () => node({ name: 'n2' }),
    name: 'n2',
    refused: 'node "n1" is not allowed to modify node "n2"',
  },
  {
    what: 'a node with labels that keep workloads apart',
    kind: nodes,
    operation: 'CREATE',
    object: () => node({ labels: { 'z.node-restriction.kubernetes.io/a': '', 'node-role.kubernetes.io/master': '', 'example.com/a': '' } }),
    refused: 'node "n1" is not allowed to set the following labels: node-role.kubernetes.io/master, z.node-restriction.kubernetes.io/a',
  },
  update('a label of its own', label('example.com/a'), node({})),
  update('a label of kubelets', label('x.node.kubernetes.io/a'), node({})),
  update(
    'a reserved label',
    label('node-restriction.kubernetes.io/a'),
    node({}),
    'is not allowed to modify labels: node-restriction.kubernetes.io/a',
  ),
  update('a reserved label away', node({}), label('topology.k8s.io/a'), 'is not allowed to modify labels: topology.k8s.io/a'),
  update('a reserved label that was there', label('node-role.kubernetes.io/a'), label('node-role.kubernetes.io/a')),
  update(
    'taints',
    node({}, { taints: [] }),
    node({}, { taints: [{ key: 'a', effect: 'NoSchedule' }] }),
    'node "n1" is not allowed to modify taints',
  ),
  update('owners', node({ ownerReferences: [{ uid: 'x' }] }), node({}), 'node "n1" is not allowed to modify ownerReferences'),
  {
    what: 'the status of another node',
    kind: nodes,
    operation: 'UPDATE',
    subresource: 'status',
    object: () => node({ name: 'n2' }),
    before: node({ name: 'n2' }),
    name: 'n2',
    refused: 'node "n1" is not allowed to modify node "n2"',
  },
  // pods
  create('a mirror pod', () => pod()),
  create(
    'an ordinary pod',
    () => pod({}, {}),
    'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  ),
  create('a mirror pod elsewhere', () => elsewhere, 'node "n1" can only create pods with spec.nodeName set to itself'),
  create('a pod of the node', () => owned({})),
  create('two owners', () => owned({}, { uid: 'x' }), 'node "n1" can only create pods with a single owner reference set to itself'),
  create('another owner', () => owned({ name: 'n2' }), 'node "n1" can only create pods with an owner reference set to itself'),
  create('an owner of another kind', () => owned({ kind: 'Pod' }), 'node "n1" can only create pods with an owner reference set to itself'),
  create(
    'no controller',
    () => owned({ controller: false }),
    'node "n1" can only create pods with a controller owner reference set to itself',
  ),
  create('a blocking owner', () => owned({ blockOwnerDeletion: true }), 'node "n1" must not set blockOwnerDeletion on an owner reference'),
  create('the owner of before', () => owned({ uid: 'old' }), 'node n1 UID mismatch: expected old got $uid'),
  create('an account', () => pod({ serviceAccountName: 'a' }), 'node "n1" can not create pods that reference a service account'),
  ...[
    volume({ secret: { secretName: 's' } }),
    volume({ projected: { sources: [{ secret: { name: 's' } }] } }),
    inContainer({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
    inContainer({ envFrom: [{ secretRef: { name: 's' } }] }),
    pod({ imagePullSecrets: [{ name: 's' }] }),
  ].map((object, index) => create(`a secret (${index})`, () => object, 'node "n1" can not create pods that reference secrets')),
  ...[
    volume({ configMap: { name: 'm' } }),
    volume({ projected: { sources: [{ configMap: { name: 'm' } }] } }),
    inContainer({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }] }),
    inContainer({ envFrom: [{ configMapRef: { name: 'm' } }] }),
  ].map((object, index) => create(`a config map (${index})`, () => object, 'node "n1" can not create pods that reference configmaps')),
  create(
    'a claim',
    () => volume({ persistentVolumeClaim: { claimName: 'c' } }),
    'node "n1" can not create pods that reference persistentvolumeclaims',
  ),
  {
    what: 'an update',
    kind: pods,
    operation: 'UPDATE',
    object: () => pod(),
    before: pod(),
    refused: 'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
  },
  { what: 'a deletion', kind: pods, operation: 'DELETE', object: () => pod(), before: pod() },
  {
    what: 'a deletion elsewhere',
    kind: pods,
    operation: 'DELETE',
    object: () => elsewhere,
    before: elsewhere,
    refused: 'node "n1" can only delete pods with spec.nodeName set to itself',
  },
  { what: 'a status', kind: pods, operation: 'UPDATE', subresource: 'status', object: () => pod(), before: pod() },
  {
    what: 'a status elsewhere',
    kind: pods,
    operation: 'UPDATE',
    subresource: 'status',
    // What is sent says nothing about where the pod is.
    object: () => pod(),
    before: elsewhere,
    refused: 'node "n1" can only update pod status for pods with spec.nodeName set to itself',
  },
  {
    what: 'labels with a status',
    kind: pods,
    operation: 'UPDATE',
    subresource: 'status',
    object: () => pod({}, { labels: { a: 'b' } }),
    before: pod({}, {}),
    refused: 'node "n1" cannot update labels through pod status',
  },
  { what: 'an eviction', kind: pods, operation: 'CREATE', subresource: 'eviction', object: () => empty, before: pod() },
  {
    what: 'an eviction elsewhere',
    kind: pods,
    operation: 'CREATE',
    subresource: 'eviction',
    object: () => empty,
    before: elsewhere,
    refused: 'node "n1" can only evict pods with spec.nodeName set to itself',
  },
  {
    what: 'a binding',
    kind: pods,
    operation: 'CREATE',
    subresource: 'binding',
    object: () => empty,
    before: pod(),
    refused: `unexpected pod subresource "binding", only 'status' and 'eviction' are allowed`,
  },
  // others
  { what: 'its lease', kind: leases, operation: 'CREATE', object: () => empty, name: 'n1', namespace: 'kube-node-lease' },
  {
    what: 'the lease of another',
    kind: leases,
    operation: 'UPDATE',
    object: () => empty,
    name: 'n2',
    namespace: 'kube-node-lease',
    refused: 'can only access node lease with the same name as the requesting node',
  },
  {
    what: 'a lease elsewhere',
    kind: leases,
    operation: 'CREATE',
    object: () => empty,
    name: 'n1',
    refused: 'can only access leases in the "kube-node-lease" system namespace',
  },
  {
    what: 'the CSINode of another',
    kind: csiNodes,
    operation: 'CREATE',
    object: () => empty,
    name: 'n2',
    refused: 'can only access CSINode with the same name as the requesting node',
  },
  { what: 'what it does not restrict', kind: configMaps, operation: 'CREATE', object: () => empty },
];

const asNode = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };

function requestOf({ kind, operation, object, before: old, subresource, name, namespace = 'default' }: Row): AdmissionRequest {
  const sent = object();
  return {
    operation,
    resource: resourceOf(kind),
    subresource,
    namespace: kind.namespaced ? namespace : undefined,
    name: name ?? sent.metadata.name ?? '',
    object: sent,
    before: old,
    user: asNode,
    dryRun: false,
    warn: () => undefined,
  };
}

for (const row of rows) {
  test(`NodeRestriction: ${row.what} (${row.operation} ${row.kind.resource}) is ${row.refused === undefined ? 'allowed' : 'refused'}`, () => {
    const request = requestOf(row);
    const judge = (one: AdmissionRequest): unknown => nodeRestriction.validate?.(one, context);
    // Who is no node is not asked.
    judge({ ...request, user: { name: 'alice', groups: ['system:nodes'] } });
    if (row.refused === undefined) return void judge(request);
    const { group, resource } = row.kind;
    const message = `${resource}${group && `.${group}`} "${request.name}" is forbidden: ${row.refused.replace('$uid', uid)}`;
    assert.throws(() => judge(request), { kind: 'forbidden', message });
  });
}

test('NodeRestriction: a node gets tokens for its own pods alone, each bound to one', async () => {
  await using server = await liveServer();
  const { client } = server.api;
  const key = { namespace: 'default', name: 'default' };
  await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: key });
  const bound = async (name: string): Promise<object> => {
    const spec = { nodeName: name, containers: [{ name: 'c', image: 'i' }] };
    const { metadata } = await client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name: `on-${name}` },
      spec,
    });
    return { apiVersion: 'v1', kind: 'Pod', name: metadata.name ?? '', uid: metadata.uid ?? '' };
  };
  const [own, foreign] = [await bound('n1'), await bound('n2')];
  await using asked = httpClient({ server: server.api.url, ca: server.ca, ...(await server.issue('system:node:n1', 'system:nodes')) });
  const ask = (boundObjectRef: object | undefined): Promise<unknown> =>
    asked.requestToken(key, { audiences: [], expirationSeconds: 3600, boundObjectRef } as TokenSpec);
  await ask(own);
  for (const [reference, why] of [
    [undefined, /not bound to a pod$/],
    [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid }, /not bound to a pod$/],
    [{ ...own, uid: undefined }, /with a pod binding without a uid$/],
    [{ ...own, uid: 'another' }, /UID in the bound object reference/],
    [foreign, /is forbidden: .*different node|User "system:node:n1" cannot create resource "serviceaccounts\/token"/],
  ] as const)
    await assert.rejects(ask(reference), (error: Error) => why.test(error.message) || assert.fail(error.message));
});
