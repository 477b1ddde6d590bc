import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  configMaps,
  limitRanges,
  namespaces,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  storageClasses,
} from '../../../api/kubernetes/kinds.ts';
import type { LimitRangeItem, Pod } from '../../../api/kubernetes/types.generated.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';

let live: LiveServer;
before(async () => {
  live = await liveServer();
});
after(() => live[Symbol.asyncDispose]());

const namespace = async (name: string, labels = {}): Promise<string> => {
  await live.api.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  return name;
};
const pod = (home: string, name: string, container: object = {}, spec: object = {}): Promise<Pod> =>
  live.api.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: home, name },
    spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec },
  });

test('LimitRanger fills in what containers leave out and keeps them within bounds', async () => {
  const home = await namespace('limited');
  const limits: readonly LimitRangeItem[] = [
    { type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' }, max: { cpu: '1' } },
    { type: 'Pod', max: { memory: '1Gi' } },
  ];
  await live.api.client.create(limitRanges, {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { namespace: home, name: 'l' },
    spec: { limits },
  });
  const memory = { limits: { memory: '1Gi' } };
  const made = await pod(home, 'a', { resources: memory });
  assert.deepEqual(made.spec?.containers[0]?.resources, {
    limits: { cpu: '500m', memory: '1Gi' },
    requests: { cpu: '100m', memory: '1Gi' },
  });
  await assert.rejects(pod(home, 'b', { resources: { limits: { cpu: '2', memory: '1Gi' } } }), {
    message: 'pods "b" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
  });
  await assert.rejects(pod(home, 'c'), { message: 'pods "c" is forbidden: maximum memory usage per Pod is 1Gi.  No limit is specified' });
});

test('ResourceQuota counts, refuses what is too much, and takes back what went', async () => {
  const home = await namespace('counted');
  const { client } = live.api;
  await client.create(resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { namespace: home, name: 'q' },
    spec: { hard: { pods: '2', 'requests.memory': '1Gi', 'count/configmaps': '1' } },
  });
  const resources = { requests: { memory: '512Mi' } };
  await pod(home, 'a', { resources });
  await assert.rejects(pod(home, 'b'), { message: 'pods "b" is forbidden: failed quota: q: must specify requests.memory' });
  await assert.rejects(pod(home, 'b', { resources: { requests: { memory: '1Gi' } } }), {
    message:
      'pods "b" is forbidden: exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=512Mi, limited: requests.memory=1Gi',
  });
  const used = async (): Promise<unknown> => (await client.get(resourceQuotas, { namespace: home, name: 'q' })).status?.used;
  assert.deepEqual(await used(), { pods: '1', 'requests.memory': '512Mi', 'count/configmaps': '0' });
  const config = (name: string): Promise<unknown> =>
    client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: home, name } });
  const racing = await Promise.allSettled(['x', 'y', 'z'].map(config));
  assert.equal(racing.filter(({ status }) => status === 'fulfilled').length, 1, 'a race for the last one has one winner');
  await client.delete(pods, { namespace: home, name: 'a' });
  await eventually(async () => assert.deepEqual(await used(), { pods: '0', 'requests.memory': '0', 'count/configmaps': '1' }), {
    withinMs: 2000,
  });
});

test('PodSecurity enforces the level of the namespace', async () => {
  const home = await namespace('strict', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  const baseline = await namespace('plain', { 'pod-security.kubernetes.io/enforce': 'baseline' });
  await assert.rejects(pod(home, 'a'), {
    message:
      'pods "a" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  });
  const safe = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  await pod(home, 'b', { securityContext: safe });
  await pod(baseline, 'a');
  const rows: readonly (readonly [object, object, RegExp])[] = [
    [{ securityContext: { privileged: true } }, {}, /privileged \(container "c" must not set securityContext\.privileged=true\)/],
    [{}, { hostNetwork: true }, /host namespaces \(hostNetwork=true\)/],
    [{}, { volumes: [{ name: 'v', hostPath: { path: '/' } }] }, /hostPath volumes \(volume "v"\)/],
    [{ ports: [{ containerPort: 1, hostPort: 80 }] }, {}, /hostPort \(container "c" uses hostPort 80\)/],
    [
      { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } },
      {},
      /non-default capabilities \(container "c" must not include "SYS_ADMIN" in securityContext\.capabilities\.add\)/,
    ],
  ];
  for (const [container, spec, text] of rows) await assert.rejects(pod(baseline, 'x', container, spec), text);
});

test('a claim without a class gets the default one', async () => {
  const { client } = live.api;
  await client.create(storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'usual', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'p',
  });
  const made = await client.create(persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { namespace: 'default', name: 'c' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  assert.equal(made.spec?.storageClassName, 'usual');
});
