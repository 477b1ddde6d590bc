/** Blockers, each planted in a namespace of its own: the last link of the chain names it, and the command that is given clears it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { pasted } from '../../../test/support/kubectl-shell.ts';
import * as kinds from '../../api/kubernetes/kinds.ts';
import type { PodStatus } from '../../api/kubernetes/types.generated.ts';
import { silentLog } from '../../base/log.ts';
import { kubeconfigOf, liveServer, type LiveServer } from '../../kubernetes/apiserver/live.fake.ts';
import type { Client } from '../../kubernetes/client/client.ts';
import { startControllers } from '../../kubernetes/controllers/start.ts';
import { startScheduler } from '../../kubernetes/scheduler/start.ts';
import { answerWhy } from '../answer-why.ts';
import { renderStuck } from '../render-stuck.ts';
import {
  claim,
  configMap,
  container,
  deployment,
  labels,
  lonePod,
  podSpec,
  quota,
  ready,
  usesData,
  warn,
  withPort,
  type Blocker,
} from './blockers.fake.ts';
import type { StuckReport } from './why-stuck.ts';

const kubectlPath = join(import.meta.dirname, '../../../.cache/bin/kubectl-1.35');
const options = { skip: existsSync(kubectlPath) ? false : 'no kubectl on this machine' };
const folder = mkdtempSync(join(tmpdir(), 'davit-stuck-'));
const config = join(folder, 'config');
const stack = new AsyncDisposableStack();
let server: LiveServer;
let client: Client;
let why: ReturnType<typeof answerWhy>;

before(async () => {
  server = stack.use(await liveServer());
  client = server.api.client;
  writeFileSync(config, kubeconfigOf(server));
  const volumesFolder = join(folder, 'volumes');
  stack.use(await startControllers({ client, log: silentLog, rootCa: 'CA', volumesFolder, balancerPool: '192.0.2.0/28' }));
  for (const [name, taints] of [
    ['n1', []],
    ['n2', [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }]],
  ] as const) {
    const status = { allocatable: { cpu: '2', memory: '4Gi', pods: '100' }, conditions: [{ type: 'Ready', status: 'True' }] };
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { name } }, spec: { taints } };
    await client.update(kinds.nodes, { ...(await client.create(kinds.nodes, node)), status }, 'status');
  }
  why = answerWhy({ client, reader: server.api.reader, scheduler: stack.use(await startScheduler({ client, log: silentLog })) });
});
after(async () => {
  await stack.disposeAsync();
  rmSync(folder, { recursive: true });
});

/** Waits until the namespace has pods on a node, then says of them what a kubelet would. */
async function kubelet(
  namespace: string,
  status: Partial<PodStatus>,
  warning?: { readonly reason: string; readonly message: string },
): Promise<void> {
  const pods = await eventually(
    async () => {
      const { items } = await client.list(kinds.pods, { namespace });
      assert.ok(items.length > 0 && items.every(({ spec }) => spec?.nodeName));
      return items;
    },
    { withinMs: 10_000 },
  );
  for (const pod of pods) {
    await client.patch(kinds.pods, { namespace, name: pod.metadata.name ?? '' }, { type: 'merge', body: { status } }, 'status');
    if (warning) await warn(client, pod, warning);
  }
}

const gone = (kind: kinds.Kind, name: string) => async (namespace: string) => {
  await assert.rejects(client.get(kind, { namespace: kind.namespaced ? namespace : undefined, name }), { kind: 'notFound' });
};
const deleted = async (line: string): Promise<unknown> => shell(`kubectl delete ${line} --wait=false`);

const blockers: readonly Blocker[] = [
  {
    name: 'a finalizer without its controller',
    planted: [configMap({ name: 'c', finalizers: ['example.com/hold'] })],
    prepare: (namespace) => deleted(`configmap c -n ${namespace}`),
    target: 'cm/c',
    says: [/finalizer example\.com\/hold: whoever put it there/],
    command: /^kubectl patch configmap c -n \S+ --type=json/,
    afterwards: gone(kinds.configMaps, 'c'),
  },
  {
    name: 'a namespace that is not empty',
    planted: [configMap({ name: 'c', finalizers: ['example.com/hold'] })],
    prepare: (namespace) => deleted(`namespace ${namespace}`),
    target: 'ns/NS',
    says: [/not empty: .*configmaps/, /finalizer example\.com\/hold/],
    command: /^kubectl patch configmap c/,
    afterwards: (namespace) => gone(kinds.namespaces, namespace)(namespace),
  },
  {
    name: 'a foreground deletion',
    planted: [deployment({}, {}, 1)],
    prepare: async (namespace) => {
      await kubelet(namespace, ready);
      const { items } = await client.list(kinds.pods, { namespace });
      await client.patch(
        kinds.pods,
        { namespace, name: items[0]?.metadata.name ?? '' },
        { type: 'merge', body: { metadata: { finalizers: ['example.com/slow'] } } },
      );
      await deleted(`deployment web -n ${namespace} --cascade=foreground`);
      await eventually(async () => assert.ok((await client.list(kinds.pods, { namespace })).items[0]?.metadata.deletionTimestamp), {
        withinMs: 10_000,
      });
    },
    target: 'deploy/web',
    says: [/when what it owns has gone/, /when what it owns has gone/, /finalizer example\.com\/slow/],
    command: /^kubectl patch pod web-/,
    afterwards: gone(kinds.deployments, 'web'),
  },
  {
    name: 'a claim that a pod uses',
    planted: [claim({ name: 'data' }), lonePod({ ...usesData, nodeName: 'n1' })],
    prepare: (namespace) => deleted(`pvc data -n ${namespace}`),
    target: 'pvc/data',
    says: [/pod web uses it/],
    command: /^kubectl delete pod web/,
    afterwards: gone(kinds.persistentVolumeClaims, 'data'),
  },
  {
    name: 'a quota',
    planted: [quota({ pods: '1' }), deployment({}, {}, 3)],
    prepare: (namespace) => kubelet(namespace, ready),
    target: 'deployment/web',
    says: [/1 are available/, /refused: .*exceeded quota: q/],
    command: /^kubectl patch resourcequota q -n \S+ --type=merge -p '\{"spec":\{"hard":\{"pods":"3"\}\}\}'/,
    afterwards: async (namespace) => assert.equal((await client.list(kinds.pods, { namespace })).items.length, 3),
  },
  {
    name: 'a service account that is missing',
    planted: [deployment({}, { serviceAccountName: 'builder' })],
    target: 'rs',
    says: [/refused: .*serviceaccount "builder" not found/],
    command: /^kubectl create serviceaccount builder/,
    afterwards: async (namespace) => assert.equal((await client.list(kinds.pods, { namespace })).items.length, 1),
  },
  {
    name: 'a refusal by Pod Security',
    planted: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'NS', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
      deployment(),
    ],
    target: 'deploy/web',
    says: [/0 are available/, /violates PodSecurity "restricted:latest"/],
    command: /^kubectl label namespace \S+ pod-security\.kubernetes\.io\/enforce=privileged --overwrite/,
    afterwards: async (namespace) => assert.equal((await client.list(kinds.pods, { namespace })).items.length, 1),
  },
  {
    name: 'a roll-out that is paused',
    planted: [deployment()],
    prepare: async (namespace) => {
      await kubelet(namespace, ready);
      await shell(`kubectl rollout pause deployment/web -n ${namespace}`);
      await shell(`kubectl set image deployment/web c=y -n ${namespace}`);
    },
    target: 'deploy/web',
    says: [/roll-out is paused/],
    command: /^kubectl rollout resume deployment web/,
    afterwards: async (namespace) => assert.equal((await client.list(kinds.replicaSets, { namespace })).items.length, 2),
  },
  {
    name: 'a Job that is suspended',
    planted: [
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'j' },
        spec: { suspend: true, template: { spec: podSpec({ restartPolicy: 'Never' }) } },
      },
    ],
    target: 'job/j',
    says: [/it is suspended/],
    command: /^kubectl patch job j/,
    afterwards: async (namespace) => assert.equal((await client.list(kinds.pods, { namespace })).items.length, 1),
  },
  {
    name: 'a taint',
    planted: [lonePod({ ...withPort, nodeName: 'n1' }, { name: 'other' }), lonePod(withPort)],
    target: 'pod/web',
    says: [/none of 2 nodes takes it: .*untolerated taint/],
    command: /^kubectl taint node(s)? n2/,
    afterwards: async (namespace) => assert.equal((await client.get(kinds.pods, { namespace, name: 'web' })).spec?.nodeName, 'n2'),
  },
  {
    name: 'a claim of a class that is missing',
    planted: [claim({ name: 'data' }, { storageClassName: 'fast' }), deployment({}, usesData)],
    target: 'deploy/web',
    says: [/0 are available/, /0 of 1 pods are ready/, /its claim data is not bound/, /storage class fast is missing/],
    command: /^kubectl apply -f - <<< '.*StorageClass/,
    afterwards: async (namespace) =>
      assert.equal((await client.get(kinds.persistentVolumeClaims, { namespace, name: 'data' })).status?.phase, 'Bound'),
  },
  {
    name: 'a claim that is missing',
    planted: [lonePod(usesData)],
    target: 'pod/web',
    says: [/its claim data is missing/, /it is not there/],
    command: /^kubectl apply -f - <<< '.*PersistentVolumeClaim/,
    afterwards: async (namespace) => assert.ok((await client.get(kinds.pods, { namespace, name: 'web' })).spec?.nodeName),
  },
  {
    name: 'an image that cannot be had',
    planted: [deployment()],
    prepare: (namespace) =>
      kubelet(namespace, {
        ...container({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x": not found' } }),
        phase: 'Pending',
      }),
    target: 'deploy/web',
    says: [/0 are available/, /0 of 1/, /container c has no image x: Back-off pulling image "x": not found/],
    command: /^docker pull x$/,
    filled: () => undefined,
  },
  {
    name: 'a key that is missing in a ConfigMap',
    planted: [configMap({ name: 'settings' }), lonePod({ nodeName: 'n1' })],
    prepare: (namespace) =>
      kubelet(
        namespace,
        container({
          waiting: { reason: 'CreateContainerConfigError', message: `couldn't find key mode in ConfigMap ${namespace}/settings` },
        }),
      ),
    target: 'pod/web',
    says: [/couldn't find key mode in ConfigMap/],
    command: /^kubectl patch configmap settings -n \S+ --type=merge -p '\{"data":\{"mode":"VALUE"\}\}'/,
    afterwards: async (namespace) =>
      assert.deepEqual((await client.get(kinds.configMaps, { namespace, name: 'settings' })).data, { mode: 'VALUE' }),
  },
  {
    name: 'a Secret that is missing in a volume',
    planted: [lonePod({ nodeName: 'n1' })],
    prepare: (namespace) =>
      kubelet(namespace, container({ waiting: { reason: 'ContainerCreating' } }), {
        reason: 'FailedMount',
        message: 'MountVolume.SetUp failed for volume "s" : secret "keys" not found',
      }),
    target: 'pod/web',
    says: [/secret "keys" not found/],
    command: /^kubectl create secret generic keys -n \S+ --from-literal=KEY=VALUE/,
    afterwards: async (namespace) => assert.ok(await client.get(kinds.secrets, { namespace, name: 'keys' })),
  },
  {
    name: 'a program that ends again and again',
    planted: [deployment()],
    prepare: (namespace) =>
      kubelet(
        namespace,
        container(
          { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
          { restartCount: 4, lastState: { terminated: { exitCode: 3, reason: 'Error' } } },
        ),
      ),
    target: 'deploy/web',
    says: [/0 are available/, /0 of 1/, /CrashLoopBackOff: it ended 4 times, last with exit code 3/],
    command: /^kubectl logs web-\S+ -n \S+ -c c --previous/,
    filled: () => undefined,
  },
  {
    name: 'a probe that fails, with what it last said',
    planted: [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: labels, ports: [{ port: 80 }] } },
      lonePod({ nodeName: 'n1' }),
    ],
    prepare: (namespace) =>
      kubelet(namespace, container({ running: {} }), {
        reason: 'Unhealthy',
        message: 'Readiness probe failed: HTTP probe failed with statuscode: 503',
      }),
    target: 'svc/web',
    says: [/none of its 1 pods is ready/, /not ready: Readiness probe failed: HTTP probe failed with statuscode: 503/],
    command: /^kubectl logs web -n \S+ -c c/,
    filled: () => undefined,
  },
  {
    name: 'a Service whose labels no pod has',
    planted: [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'wbe' }, ports: [{ port: 80 }] } }],
    target: 'svc/web',
    says: [/no pod has its labels app=wbe/],
    command: /^kubectl get pods -n \S+ --show-labels/,
    filled: () => undefined,
  },
  {
    name: 'a budget that holds up a drain',
    planted: [
      {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'keep' },
        spec: { minAvailable: 1, selector: { matchLabels: labels } },
      },
      lonePod({ nodeName: 'n2' }),
    ],
    prepare: async (namespace) => {
      await kubelet(namespace, ready);
      await shell('kubectl cordon n2');
      await eventually(
        async () => assert.equal((await client.get(kinds.podDisruptionBudgets, { namespace, name: 'keep' })).status?.currentHealthy, 1),
        { withinMs: 10_000 },
      );
    },
    target: 'node/n2',
    says: [/pod web cannot be evicted/, /allows no eviction: 1 of 1 pods are healthy, 1 must be/],
    command: /^kubectl patch poddisruptionbudget keep -n \S+ --type=merge -p '\{"spec":\{"minAvailable":0\}\}'/,
    afterwards: async (namespace) =>
      assert.equal((await client.get(kinds.podDisruptionBudgets, { namespace, name: 'keep' })).status?.disruptionsAllowed, 1),
  },
  {
    name: 'a node that is cordoned',
    planted: [],
    prepare: () => shell('kubectl cordon n2'),
    target: 'node/n2',
    says: [/cordoned/],
    command: /^kubectl uncordon n2/,
  },
];

for (const [index, blocker] of blockers.entries()) {
  test(`${blocker.name} is named`, options, async () => {
    const namespace = `stuck-${index}`;
    const named = (value: object): string => JSON.stringify(value).replaceAll('"NS"', `"${namespace}"`);
    if (!blocker.planted.some((one) => named(one).includes('"kind":"Namespace"'))) await shell(`kubectl create namespace ${namespace}`);
    for (const object of blocker.planted) await shell(`kubectl apply -n ${namespace} -f - <<< '${named(object)}'`);
    await blocker.prepare?.(namespace);
    const report = await eventually(
      async () => {
        const found = await ask(namespace, blocker.target);
        const said = found.chain.map(({ text }) => text);
        assert.ok(said.length === blocker.says.length && blocker.says.every((text, at) => text.test(said[at] ?? '')), renderStuck(found));
        return found;
      },
      { withinMs: 15_000 },
    );
    assert.match(report.fix?.command ?? '', blocker.command);
    const command = blocker.filled ? blocker.filled(report.fix?.command ?? '') : report.fix?.command;
    if (command === undefined) return;
    await shell(command);
    const cleared = async (): Promise<void> => {
      if (blocker.afterwards) await blocker.afterwards(namespace);
      else assert.equal((await ask(namespace, blocker.target)).isStuck, false);
    };
    await eventually(cleared, { withinMs: 15_000 });
  });
}

test('what nothing holds up, what is not there, and a kind that nobody knows', options, async () => {
  const calm = await ask('default', 'namespace/default');
  assert.deepEqual(calm, { object: 'namespace default', isStuck: false, chain: [] });
  assert.equal(renderStuck(calm), 'namespace default: nothing holds it up\n');
  await assert.rejects(ask('default', 'pod/nobody'), { kind: 'notFound', message: 'pods "nobody" not found' });
  await assert.rejects(ask('default', 'deploymnt/web'), { kind: 'notFound', message: /did you mean "deployment"\?$/ });
});

async function ask(namespace: string, target: string): Promise<StuckReport> {
  const [kind = '', name] = target.replace('NS', namespace).split('/');
  const [first] = name === undefined ? (await client.list(kinds.replicaSets, { namespace })).items : [];
  return (await why(['stuck', kind, namespace, name ?? first?.metadata.name ?? ''])) as StuckReport;
}

function shell(command: string): Promise<void> {
  return pasted(command, { kubectl: kubectlPath, kubeconfig: config, home: folder });
}
