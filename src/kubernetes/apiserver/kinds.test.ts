import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import * as kinds from '../../api/kubernetes/kinds.ts';
import { liveServer, type LiveServer } from './live.fake.ts';
import { resourceOf } from './resources.ts';

let live: LiveServer;
before(async () => {
  live = await liveServer();
});
after(() => live[Symbol.asyncDispose]());

const request = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n').toString('base64');
const rbac = { roleRef: { kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'User', name: 'joe' }] };
const backend = { service: { name: 'web', port: { number: 80 } } };
const hook = { name: 'a.b.c', clientConfig: { url: 'https://127.0.0.1:1' }, sideEffects: 'None', admissionReviewVersions: ['v1'] };

/** kind, what to create, and a path of the answer with what the server filled in there. */
const accepted: readonly (readonly [Kind, object, string, unknown])[] = [
  [kinds.limitRanges, { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } }, 'spec.limits.0.default.cpu', '1'],
  [kinds.resourceQuotas, { spec: { hard: { pods: '1000' } } }, 'spec.hard.pods', '1000'],
  [kinds.podTemplates, { template: { spec: { containers: [{ name: 'c', image: 'i' }] } } }, 'template.spec.restartPolicy', 'Always'],
  [kinds.ingresses, { spec: { defaultBackend: backend } }, 'metadata.generation', 1],
  [kinds.ingressClasses, { spec: { controller: 'example.com/x' } }, 'spec.controller', 'example.com/x'],
  [kinds.networkPolicies, { spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] } }, 'spec.policyTypes.0', 'Ingress'],
  [kinds.runtimeClasses, { handler: 'runc' }, 'handler', 'runc'],
  [kinds.csiDrivers, { spec: {} }, 'spec.fsGroupPolicy', 'ReadWriteOnceWithFSType'],
  [kinds.csiNodes, { spec: { drivers: [] } }, 'spec.drivers', []],
  [kinds.volumeAttributesClasses, { driverName: 'd' }, 'driverName', 'd'],
  [kinds.volumeAttachments, { spec: { attacher: 'a', nodeName: 'n', source: {} } }, 'status.attached', false],
  [kinds.roles, { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }, 'rules.0.verbs.0', 'get'],
  [kinds.clusterRoles, {}, 'rules', null],
  [kinds.roleBindings, rbac, 'subjects.0.apiGroup', 'rbac.authorization.k8s.io'],
  [kinds.clusterRoleBindings, rbac, 'roleRef.apiGroup', 'rbac.authorization.k8s.io'],
  [
    kinds.certificateSigningRequests,
    { spec: { request, signerName: 'example.com/s', usages: ['client auth'], username: 'forged' } },
    'spec.username',
    'system:apiserver',
  ],
  [kinds.validatingWebhookConfigurations, { webhooks: [hook] }, 'webhooks.0.timeoutSeconds', 10],
  [kinds.mutatingWebhookConfigurations, { webhooks: [hook] }, 'webhooks.0.reinvocationPolicy', 'Never'],
  [
    kinds.newEvents,
    { note: 'n', regarding: { kind: 'Pod', namespace: 'default', name: 'p' }, eventTime: '2026-01-01T00:00:00.000000Z' },
    'note',
    'n',
  ],
];

const rejected: readonly (readonly [Kind, object, RegExp])[] = [
  [kinds.ingresses, { spec: {} }, /spec: Invalid value: null: either `defaultBackend` or `rules` must be specified/],
  [
    kinds.ingresses,
    { spec: { rules: [{ http: { paths: [{ path: 'x', pathType: 'Exact', backend }] } }] } },
    /spec\.rules\[0\]\.http\.paths\[0\]\.path: Invalid value: "x": must be an absolute path/,
  ],
  [kinds.roles, { rules: [{ verbs: ['get'], apiGroups: [''] }] }, /rules\[0\]\.resources: Required value: resource rules must supply/],
  [kinds.roles, { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }, /namespaced rules cannot apply to non-resource URLs/],
  [kinds.roleBindings, { roleRef: { kind: 'Role', name: '' } }, /roleRef\.name: Required value/],
  [
    kinds.limitRanges,
    { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] } },
    /spec\.limits\[0\]\.min\[cpu\]: Invalid value: "2": min value 2 is greater than max value 1/,
  ],
  [kinds.runtimeClasses, { handler: 'A' }, /handler: Invalid value: "A": a lowercase RFC 1123 label/],
  [
    kinds.certificateSigningRequests,
    { spec: { request: 'eA==', signerName: 'a.b/c', usages: ['x'] } },
    /PEM block type must be CERTIFICATE/,
  ],
  [kinds.validatingWebhookConfigurations, { webhooks: [{ ...hook, name: 'a' }] }, /should be a domain with at least three segments/],
];

const bodyOf = (kind: Kind, rest: object): KubernetesObject => ({
  apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
  kind: kind.kind,
  metadata: { name: 'x', ...(kind.namespaced && { namespace: 'default' }) },
  ...rest,
});

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);

for (const [kind, rest, path, wanted] of accepted) {
  test(`${kind.resource}.${kind.group}: filled in, found, changed, gone`, async () => {
    const { client } = live.api;
    const key = { name: 'x', ...(kind.namespaced && { namespace: 'default' }) };
    assert.deepEqual(at(await client.create(kind, bodyOf(kind, rest)), path), wanted);
    await client.patch(kind, key, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
    const { items } = await client.list(kind, { labelSelector: 'a=b' });
    assert.deepEqual([items.length, items[0]?.kind], [1, kind.kind]);
    await client.delete(kind, key);
    await assert.rejects(client.get(kind, key), { kind: 'notFound' });
  });
}

test('what is wrong is refused in the words of kube-apiserver', async () => {
  for (const [kind, rest, text] of rejected) await assert.rejects(live.api.client.create(kind, bodyOf(kind, rest)), text);
});

test('every kind of the client is served', () => {
  for (const kind of Object.values(kinds)) {
    if (typeof kind === 'object' && 'resource' in kind) assert.equal(resourceOf(kind as Kind).kind, kind.kind);
  }
});

test('an event is one object in both of its groups', async () => {
  const { client } = live.api;
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' };
  await client.create(kinds.events, bodyOf(kinds.events, { involvedObject, message: 'm', reason: 'R', count: 3 }) as never);
  const { items } = await client.list(kinds.newEvents, { fieldSelector: 'regarding.name=p' });
  assert.deepEqual([items[0]?.note, items[0]?.deprecatedCount, items[0]?.regarding?.kind], ['m', 3, 'Pod']);
  await client.delete(kinds.newEvents, { namespace: 'default', name: 'x' });
  assert.equal((await client.list(kinds.events)).items.length, 0);
});
