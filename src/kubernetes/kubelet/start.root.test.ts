/** The kubelet with the real engine on the real kernel; the API server is a fake. Run in a network namespace of its own. */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { busyboxTar } from '../../../test/support/images.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { configMaps, pods, secrets } from '../../api/kubernetes/kinds.ts';
import type { Pod, PodSpec } from '../../api/kubernetes/types.generated.ts';
import { isKind } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { createAuthority, issueCertificate } from '../../daemon/pki.ts';
import type { Container } from '../../engine/containers/container.ts';
import { type OpenedEngine, openEngine } from '../../engine/open.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { memoryStore } from '../../store/memory.ts';
import { FakeClient } from '../client/client.fake.ts';
import { type Kubelet, startKubelet } from './start.ts';

const client = new FakeClient();
const signal = AbortSignal.timeout(120_000);
let root: string;
let kernel: Kernel;
let engine: OpenedEngine;
let kubelet: Kubelet;

before(async () => {
  root = await mkdtemp('/tmp/dvk-');
  kernel = await openKernel({ runtimeRoot: join(root, 'runc') });
  const config = {
    dataRoot: join(root, 'data'),
    runRoot: join(root, 'run'),
    cgroupParent: '/davit-kubelet-test',
    bridgeName: 'dvk0',
    bridgeAddress: '172.31.7.1/24',
    hostName: 'n1',
  };
  engine = await openEngine({ kernel, store: memoryStore(), config, log: silentLog });
  await engine.images.import(createReadStream(await busyboxTar()), {
    reference: 'busybox:test',
    changes: ['CMD ["sleep", "1000"]', 'ENV PATH=/bin'],
  });
  const authority = await createAuthority('test');
  const tls = {
    ca: authority.cert,
    ...(await issueCertificate(authority, { commonName: 'system:node:n1', organization: 'system:nodes' })),
  };
  const cluster = {
    podCidr: '10.244.7.0/24',
    podBridgeName: 'dvkpods',
    clusterDns: '10.96.0.10',
    clusterDomain: 'cluster.local',
    dataRoot: join(root, 'kubelet'),
    cgroupParent: config.cgroupParent,
  };
  kubelet = await startKubelet({ client, engine, kernel, nodeName: 'n1', nodeIp: '127.0.0.1', port: 0, ...cluster, tls, log: silentLog });
});

after(async () => {
  await kubelet?.[Symbol.asyncDispose]();
  await engine?.destroy();
  await engine?.[Symbol.asyncDispose]();
  kernel?.cgroups.remove('/davit-kubelet-test');
  await kernel?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

async function create(name: string, spec: Partial<PodSpec>): Promise<void> {
  await client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [app()], nodeName: 'n1', ...spec },
  });
}

function app(fields: Partial<PodSpec['containers'][number]> = {}): PodSpec['containers'][number] {
  return { name: 'app', image: 'busybox:test', ...fields };
}

function until(name: string, check: (pod: Pod) => boolean, withinMs = 10_000): Promise<Pod> {
  return eventually(
    async () => {
      const pod = await client.get(pods, { namespace: 'default', name });
      assert(check(pod), JSON.stringify(pod.status));
      return pod;
    },
    { withinMs },
  );
}

const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const restarts = (pod: Pod): number => pod.status?.containerStatuses?.[0]?.restartCount ?? 0;

async function running(pod: string): Promise<Container> {
  const found = (await engine.containers.list()).find((each) => each.labels['io.kubernetes.pod.name'] === pod && each.pid !== undefined);
  assert(found, `a running container of ${pod}`);
  return found;
}

async function exec(pod: string, ...command: readonly string[]): Promise<string> {
  const { output } = await engine.execs.run((await running(pod)).id, { command }, { timeoutMs: 5000, maxBytes: 65_536 });
  return output;
}

async function logs(pod: string): Promise<string> {
  const found = (await engine.containers.list()).find((each) => each.labels['io.kubernetes.pod.name'] === pod);
  const lines: Buffer[] = [];
  for await (const line of engine.containers.logs(found?.id ?? '', { follow: false, stdout: true, stderr: true }, signal))
    lines.push(line.data);
  return Buffer.concat(lines).toString();
}

test('a pod is Ready in under a second; its killed process is back in under two', async (context) => {
  const began = performance.now();
  await create('web', {});
  await until('web', isReady);
  const first = performance.now() - began;
  process.kill((await running('web')).pid ?? -1, 'SIGKILL');
  const killed = performance.now();
  const pod = await until('web', (each) => isReady(each) && restarts(each) === 1);
  const second = performance.now() - killed;
  context.diagnostic(`ready in ${first.toFixed(0)} ms, again after a kill in ${second.toFixed(0)} ms`);
  assert(first < 2000, `ready in ${first} ms`);
  assert(second < 2000, `restarted in ${second} ms`);
  assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
  assert.match(pod.status?.podIP ?? '', /^10\.244\.7\./);
});

test('configuration, secrets, memory, resolv.conf and the environment are as asked for', async () => {
  const meta = { namespace: 'default' };
  await client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...meta, name: 'settings' },
    data: { colour: 'red' },
  });
  await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { ...meta, name: 'hidden' }, data: { key: 'azE=' } });
  await create('config', {
    volumes: [
      { name: 'c', configMap: { name: 'settings' } },
      { name: 's', secret: { secretName: 'hidden', defaultMode: 0o400 } },
      { name: 'm', emptyDir: { medium: 'Memory' } },
    ],
    terminationGracePeriodSeconds: 1,
    containers: [
      app({
        env: [
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
        ],
        resources: { limits: { memory: '32Mi', cpu: '500m' } },
        volumeMounts: [
          { name: 'c', mountPath: '/c' },
          { name: 's', mountPath: '/s' },
          { name: 'm', mountPath: '/m' },
        ],
      }),
    ],
  });
  const pod = await until('config', isReady);
  assert.equal(
    await exec('config', 'sh', '-c', 'echo $IP $COLOUR; cat /c/colour /s/key; stat -c %a /s/..data/key; grep -c "/m tmpfs" /proc/mounts'),
    `${pod.status?.podIP} red\nredk1400\n1\n`,
  );
  assert.match(
    await exec('config', 'cat', '/etc/resolv.conf'),
    /nameserver 10\.96\.0\.10[^]*search default\.svc\.cluster\.local[^]*ndots:5/,
  );
  await client.patch(configMaps, { ...meta, name: 'settings' }, { type: 'merge', body: { data: { colour: 'blue' } } });
  await eventually(async () => assert.equal(await exec('config', 'cat', '/c/colour'), 'blue'), { withinMs: 5000 });
  assert.equal(pod.status?.qosClass, 'Guaranteed');
  await client.delete(pods, { namespace: 'default', name: 'config' }, { gracePeriodSeconds: 1 });
  await eventually(() => assert.rejects(client.get(pods, { namespace: 'default', name: 'config' }), (error) => isKind(error, 'notFound')), {
    withinMs: 10_000,
  });
  assert.deepEqual(
    kernel.mounts.list().filter((mount) => mount.target.includes(pod.metadata.uid ?? '-')),
    [],
  );
});

test('init containers share volumes and network with the others; a job ends Succeeded with its log kept', async () => {
  await create('job', {
    restartPolicy: 'Never',
    volumes: [{ name: 'work', emptyDir: {} }],
    initContainers: [
      app({ name: 'init', command: ['sh', '-c', 'echo prepared > /work/note'], volumeMounts: [{ name: 'work', mountPath: '/work' }] }),
    ],
    containers: [
      app({
        command: ['sh', '-c'],
        args: ['cat /work/note; echo done > /dev/termination-log'],
        volumeMounts: [{ name: 'work', mountPath: '/work' }],
      }),
    ],
  });
  const pod = await until('job', (each) => each.status?.phase === 'Succeeded');
  const state = pod.status?.containerStatuses?.[0]?.state?.terminated;
  assert.deepEqual([state?.reason, state?.message], ['Completed', 'done\n']);
  assert.equal(await logs('job'), 'prepared\n');
});

test('readiness follows its probe; a failing liveness probe restarts the container', async () => {
  const listen = 'while true; do echo -e "HTTP/1.0 200 OK\\r\\n\\r\\n" | nc -l -p 8080 >/dev/null; done';
  await create('ready', {
    containers: [app({ command: ['sh', '-c', `sleep 0.3; ${listen}`], readinessProbe: { httpGet: { path: '/', port: 8080 } } })],
  });
  await create('live', {
    terminationGracePeriodSeconds: 1,
    containers: [app({ livenessProbe: { exec: { command: ['test', '-e', '/gone'] }, periodSeconds: 1, failureThreshold: 1 } })],
  });
  await until('ready', isReady);
  await until('live', (pod) => restarts(pod) > 0);
});

test('containers that share their processes see and outlive each other; orphans are taken away', async () => {
  await create('shared', { shareProcessNamespace: true, containers: [app(), app({ name: 'other', command: ['sleep', '2000'] })] });
  await until('shared', isReady);
  const script = 'ps -o pid,args | grep -E "pause|sleep"; sh -c "sleep 0.01 &"; sleep 0.1; ps -o stat | grep -c Z';
  const seen = await exec('shared', 'sh', '-c', script);
  assert.match(seen, /^ +1 +\/pause\n/);
  assert.match(seen, /sleep 1000\n[^]*sleep 2000\n|sleep 2000\n[^]*sleep 1000\n/);
  assert.match(seen, /\n0\n$/);
  const other = /^ *(\d+) sleep 2000$/m.exec(seen)?.[1] ?? '';
  assert.equal(await exec('shared', 'sh', '-c', `kill -KILL 1; kill -KILL ${other}`), '');
  const pod = await until(
    'shared',
    (each) => each.status?.containerStatuses?.some((one) => one.restartCount === 1) === true && isReady(each),
  );
  assert.deepEqual(
    pod.status?.containerStatuses?.map(({ name, restartCount }) => `${name} ${restartCount}`),
    ['app 0', 'other 1'],
  );
});

test('a program that does not exist is told in the status', async () => {
  await create('broken', { containers: [app({ command: ['/nowhere'] })] });
  const pod = await until('broken', (each) =>
    ['RunContainerError', 'CrashLoopBackOff'].includes(each.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''),
  );
  assert.equal(pod.status?.phase === 'Running' || pod.status?.phase === 'Pending', true);
});

test('everything goes with its pod', async () => {
  for (const pod of (await client.list(pods)).items) {
    await client.delete(pods, { namespace: 'default', name: pod.metadata.name ?? '' }, { gracePeriodSeconds: 1 });
  }
  await eventually(
    async () =>
      assert.deepEqual(
        (await client.list(pods)).items.map((pod) => pod.metadata.name),
        [],
      ),
    { withinMs: 20_000 },
  );
  assert.deepEqual(await engine.sandboxes.list(), []);
  assert.deepEqual(await engine.containers.list(), []);
});
