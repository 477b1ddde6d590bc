/** Jobs, CronJobs, DaemonSets, budgets, priorities and pods' tokens, as kubectl's users meet them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { busyboxTar } from '../support/images.ts';
import { Machine } from '../support/machine.ts';

let machine: Machine;
const davit = fileURLToPath(new URL('../../bin/davit', import.meta.url));

before(async () => {
  machine = await Machine.create('workloads', 160);
  await machine.davit('up');
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
});

after(async () => {
  await machine[Symbol.asyncDispose]();
});

const apply = (manifest: object): Promise<string> => machine.ok(['kubectl', 'apply', '-f', '-'], { input: JSON.stringify(manifest) });
const container = (script: string, more: object = {}): object => ({
  name: 'c',
  image: 'busybox:test',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
  ...more,
});
const read = (what: string, path: string): Promise<string> => machine.kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`);

test('an indexed Job runs to completion, each pod knowing its index', async () => {
  const template = { spec: { restartPolicy: 'Never', containers: [container('echo index $JOB_COMPLETION_INDEX')] } };
  const spec = { completionMode: 'Indexed', completions: 3, parallelism: 2, template };
  await apply({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'count' }, spec });
  await machine.kubectl('wait', '--for=condition=Complete', 'job/count', '--timeout=60s');
  assert.match(await machine.kubectl('get', 'job', 'count', '--no-headers'), /^count +Complete +3\/3 /);
  assert.equal(await read('job count', '{.status.completedIndexes}'), '0-2');
  const logs = await machine.kubectl('logs', '-l', 'job-name=count', '--tail=-1');
  assert.deepEqual(logs.split('\n').toSorted(), ['index 0', 'index 1', 'index 2']);
  assert.equal(await read('pods -l job-name=count', '{.items[*].metadata.finalizers}'), '');
});

test('a Job fails at once on an exit code that its policy names', async () => {
  const rules = [{ action: 'FailJob', onExitCodes: { containerName: 'c', operator: 'In', values: [42] } }];
  const template = { spec: { restartPolicy: 'Never', containers: [container('exit 42')] } };
  const spec = { backoffLimit: 6, podFailurePolicy: { rules }, template };
  await apply({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'fatal' }, spec });
  await machine.kubectl('wait', '--for=condition=Failed', 'job/fatal', '--timeout=60s');
  assert.match(
    await read('job fatal', '{.status.conditions[?(@.type=="Failed")].message}'),
    /failed with exit code 42 matching FailJob rule at index 0$/,
  );
  assert.equal(await read('job fatal', '{.status.failed}'), '1');
});

test('a CronJob starts Jobs and keeps its history short', async () => {
  const template = { spec: { restartPolicy: 'Never', containers: [container('date')] } };
  const spec = { schedule: '@every 2s', successfulJobsHistoryLimit: 1, jobTemplate: { spec: { template } } };
  await apply({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'tick' }, spec });
  await eventually(async () => assert.notEqual(await read('cronjob tick', '{.status.lastSuccessfulTime}'), ''), { withinMs: 30_000 });
  await machine.kubectl('delete', 'cronjob', 'tick');
});

test('a DaemonSet has its pod on the node, also while it is cordoned', async () => {
  await machine.kubectl('cordon', 'node-1');
  const labels = { app: 'agent' };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container('sleep 1000')] } };
  await apply({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent' },
    spec: { selector: { matchLabels: labels }, template },
  });
  await machine.kubectl('rollout', 'status', 'daemonset/agent', '--timeout=60s');
  assert.match(await machine.kubectl('get', 'daemonset', 'agent', '--no-headers'), /^agent +1 +1 +1 +1 +1 +<none> /);
  await machine.kubectl('uncordon', 'node-1');
});

test('a pod talks to the API server with its token', async () => {
  const root = '/var/run/secrets/kubernetes.io/serviceaccount';
  const [token, namespace] = [`$(cat ${root}/token)`, `$(cat ${root}/namespace)`];
  assert.match(
    await machine.kubectl('exec', 'ds/agent', '--', 'sh', '-c', `echo ${namespace}; cat ${root}/ca.crt`),
    /^default\n-----BEGIN CERTIFICATE/,
  );
  const jwt = await machine.kubectl('exec', 'ds/agent', '--', 'sh', '-c', `echo ${token}`);
  const who = await machine.ok([
    'kubectl',
    '--kubeconfig=/dev/null',
    '--server=https://127.0.0.1:6443',
    '--insecure-skip-tls-verify',
    `--token=${jwt}`,
    'auth',
    'whoami',
  ]);
  assert.match(who, /system:serviceaccount:default:default/);
});

test('a budget holds up an eviction', async () => {
  await apply({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'agent' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'agent' } } },
  });
  await eventually(async () => assert.equal(await read('pdb agent', '{.status.currentHealthy}'), '1'), { withinMs: 10_000 });
  const name = await read('pods -l app=agent', '{.items[0].metadata.name}');
  const eviction = JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } });
  const { code, stderr } = await machine.run(
    ['kubectl', 'create', '--raw', `/api/v1/namespaces/default/pods/${name}/eviction`, '-f', '-'],
    { input: eviction },
  );
  assert.notEqual(code, 0);
  assert.match(stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
  await machine.kubectl('delete', 'pdb', 'agent');
});

test('a more important pod takes the place of a less important one', async () => {
  await machine.kubectl('create', 'priorityclass', 'high', '--value=1000');
  const cpu = await read('node node-1', '{.status.allocatable.cpu}');
  const half = `${Math.floor(Number(cpu.replace('m', '')) * (cpu.endsWith('m') ? 1 : 1000) * 0.6)}m`;
  const resources = { requests: { cpu: half } };
  const pod = (name: string, more: object): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 0, containers: [container('sleep 1000', { resources })], ...more },
  });
  await apply(pod('low', {}));
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/low', '--timeout=30s');
  await apply(pod('third', {}));
  await eventually(
    async () =>
      assert.match(
        await machine.davit('why', 'pod', 'third'),
        /NodeResourcesFit: Insufficient cpu[\s\S]*kubectl delete pod low -n default/,
      ),
    {
      withinMs: 10_000,
    },
  );
  await machine.kubectl('delete', 'pod', 'third');
  await apply(pod('vip', { priorityClassName: 'high' }));
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/vip', '--timeout=30s');
  const { code } = await machine.run(['kubectl', 'get', 'pod', 'low']);
  assert.notEqual(code, 0);
});

test('a claim is bound when its first pod comes, and can grow', async () => {
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  await apply({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec: claim });
  await eventually(async () => assert.match(await machine.kubectl('describe', 'pvc', 'data'), /WaitForFirstConsumer/), {
    withinMs: 10_000,
  });
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'user' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [container('sleep 1000', { volumeMounts: [{ name: 'v', mountPath: '/data' }] })],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
    },
  });
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/user', '--timeout=30s');
  await machine.kubectl('patch', 'pvc', 'data', '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}');
  await eventually(async () => assert.equal(await read('pvc data', '{.status.capacity.storage}'), '2Gi'), { withinMs: 10_000 });
});

test('a busy Deployment is scaled up by its CPU use', async () => {
  const labels = { app: 'busy' };
  const resources = { requests: { cpu: '10m' } };
  const template = {
    metadata: { labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [container('while true; do :; done', { resources: { ...resources, limits: { cpu: '50m' } } })],
    },
  };
  await apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'busy' },
    spec: { selector: { matchLabels: labels }, template },
  });
  await machine.kubectl('rollout', 'status', 'deployment/busy', '--timeout=30s');
  await machine.kubectl('autoscale', 'deployment', 'busy', '--cpu-percent=50', '--min=1', '--max=2');
  await eventually(async () => assert.equal(await read('deployment busy', '{.spec.replicas}'), '2'), { withinMs: 60_000 });
  assert.match(await machine.kubectl('get', 'hpa', 'busy', '--no-headers'), /Deployment\/busy +cpu: \d+%\/50% +1 +2 /);
});

test('kubectl top: nodes, pods, containers', async () => {
  assert.match(
    await machine.kubectl('top', 'nodes'),
    /^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) *\nnode-1 +\d+m +\d+% +\d+Mi +\d+%/,
  );
  const cores = /^busy-\S+ +(\d+)m +\d+Mi/m.exec(await machine.kubectl('top', 'pods', '-l', 'app=busy'))?.[1];
  assert.ok(Number(cores) > 25 && Number(cores) < 75, `limited to 50m, uses ${cores}m`);
  assert.match(await machine.kubectl('top', 'pods', '-A', '--containers'), /^default +busy-\S+ +\S+ +\d+m +\d+Mi/m);
});

test('davit why stuck: what the kubelet says of an image, a key and a probe is found at the end of the chain', async () => {
  const planted: readonly (readonly [string, object, RegExp])[] = [
    [
      'image',
      { image: 'nowhere.invalid/none:1' },
      /container c has no image nowhere\.invalid\/none:1: .*\n→ .*\n +docker pull nowhere\.invalid\/none:1/,
    ],
    [
      'key',
      { env: [{ name: 'MODE', valueFrom: { configMapKeyRef: { name: 'kube-root-ca.crt', key: 'mode' } } }] },
      /couldn't find key mode in ConfigMap default\/kube-root-ca\.crt\n→ .*\n +kubectl patch configmap kube-root-ca\.crt -n default/,
    ],
    [
      'probe',
      { readinessProbe: { exec: { command: ['sh', '-c', 'echo not yet; exit 1'] }, periodSeconds: 1 } },
      /Readiness probe failed: not yet/,
    ],
  ];
  for (const [name, more] of planted) {
    const labels = { stuck: name };
    const spec = { terminationGracePeriodSeconds: 0, containers: [container('exec sleep 1000', more)] };
    const template = { metadata: { labels }, spec };
    await apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { selector: { matchLabels: labels }, template } });
  }
  for (const [name, , says] of planted) {
    await eventually(
      async () => {
        const { code, stdout, stderr } = await machine.run([davit, 'why', 'stuck', `deploy/${name}`]);
        assert.equal(code, 1, stderr);
        assert.match(stdout, says);
      },
      { withinMs: 20_000 },
    );
    await machine.kubectl('delete', 'deployment', name, '--wait=false');
  }
});

test('davit history: who made a pod anew and why, the node agent and the person included, also when all is gone', async () => {
  const labels = { app: 'told' };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container('exec sleep 1000')] } };
  const replacement = async (): Promise<string> => {
    const names = await machine.kubectl('get', 'pods', '-l', 'app=told', '--field-selector=status.phase=Running', '-o', 'name');
    const [name, ...others] = names.trim().split('\n');
    assert.ok(name !== undefined && name !== '' && others.length === 0, names);
    return name;
  };
  await apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'told' },
    spec: { selector: { matchLabels: labels }, template },
  });
  const first = await eventually(replacement, { withinMs: 20_000 });
  await machine.kubectl('delete', first);
  const second = await eventually(replacement, { withinMs: 20_000 });
  await machine.kubectl('delete', 'deployment', 'told');
  await eventually(
    async () => {
      const told = await machine.davit('history', 'deploy/told');
      assert.match(
        told,
        /deployment-controller +create ReplicaSet default\/told-\S+ \(1 replicas\)\n +because Deployment default\/told added @\d+ by kubectl/,
      );
      const [gone, made] = [first, second].map((name) => name.replace('pod/', 'default/'));
      assert.match(told, new RegExp(`replicaset-controller +create Pod ${made}\\n +because .*Pod ${gone} deleted @\\d+`));
      assert.match(told, new RegExp(`default-scheduler +bind Pod ${made} \\(to node-1\\)`));
      assert.match(told, new RegExp(`kubelet on node-1 +Pod ${made} Started: `));
      assert.match(told, /garbage-collector +delete ReplicaSet default\/told-\S+\n +because Deployment default\/told deleted @\d+/);
    },
    { withinMs: 20_000 },
  );
});
