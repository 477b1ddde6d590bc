/**
 * The API server does not answer: the node keeps its pods running, starts again what ends, and catches up afterwards.
 *   DAVIT_PARTITION_SECONDS=300 node tools/run-tests.ts e2e partition
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { delay } from '../../src/base/abort.ts';
import { eventually } from '../support/eventually.ts';
import { busyboxTar } from '../support/images.ts';
import { Machine } from '../support/machine.ts';

const seconds = Number(process.env['DAVIT_PARTITION_SECONDS'] ?? 4);
let machine: Machine;

before(async () => {
  machine = await Machine.create('partition', 186);
  await machine.davit('up');
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
});
after(() => machine[Symbol.asyncDispose]());

interface PodFacts {
  readonly metadata: { readonly uid: string; readonly name: string };
  readonly status: {
    readonly podIP: string;
    readonly containerStatuses: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

const podsOf = async (app: string): Promise<readonly PodFacts[]> =>
  (JSON.parse(await machine.kubectl('get', 'pods', '-l', `app=${app}`, '-o', 'json')) as { readonly items: readonly PodFacts[] }).items;

async function serverPid(): Promise<number> {
  const { processes } = JSON.parse(await machine.davit('status', '--output', 'json')) as {
    readonly processes: readonly { readonly role: string; readonly pid: number }[];
  };
  const pid = processes.find(({ role }) => role === 'server')?.pid;
  assert.ok(pid);
  return pid;
}

/** Container IDs, each with the process it runs. */
async function running(): Promise<readonly string[]> {
  const ids = (await machine.docker('ps', '-q', '--no-trunc')).split('\n').filter((id) => id !== '');
  return ids.length === 0 ? [] : (await machine.docker('inspect', '-f', '{{.Id}} {{.State.Pid}}', ...ids)).split('\n').toSorted();
}

async function whileSilent(work: () => Promise<void>): Promise<void> {
  const pid = await serverPid();
  process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

test(`the API server is silent for ${seconds} s: pods run on, what ends is started again, the Service answers; then all is told`, async () => {
  const labels = { app: 'steady' };
  const container = {
    name: 'c',
    image: 'busybox:test',
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www'],
    readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
  };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'steady' },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  };
  await machine.ok(['kubectl', 'apply', '-f', '-'], { input: JSON.stringify(deployment) });
  await machine.kubectl('expose', 'deployment', 'steady', '--port', '80', '--target-port', '8080');
  await machine.kubectl('rollout', 'status', 'deployment/steady', '--timeout=30s');
  const address = await machine.kubectl('get', 'service', 'steady', '-o', 'jsonpath={.spec.clusterIP}');
  const ask = (): Promise<string> => machine.ok(['curl', '-s', '--fail', '--max-time', '2', `http://${address}/`]);
  await eventually(ask, { withinMs: 10_000 });
  const known = await podsOf('steady');
  const ran = await running();

  await whileSilent(async () => {
    const [victim = '', ...others] = ran;
    process.kill(Number(victim.split(' ')[1]), 'SIGKILL');
    const replaced = await eventually(
      async () => {
        const now = await running();
        assert.equal(now.length, ran.length, 'as many run as before');
        assert.ok(!now.includes(victim), 'the killed one is not among them');
        return now;
      },
      { withinMs: 20_000 },
    );
    for (const other of others) assert.ok(replaced.includes(other), 'the others were left alone');
    const end = performance.now() + seconds * 1000;
    // One of the two may be starting: its rule stays as it was, since nobody could be told.
    let answers = 0;
    while (performance.now() < end || answers === 0) {
      answers += await ask().then(
        () => 1,
        () => 0,
      );
      await delay(100);
    }
    assert.deepEqual(await running(), replaced, 'nothing is started again for the silence');
  });

  await eventually(
    async () => {
      const now = await podsOf('steady');
      assert.deepEqual(now.map(({ metadata }) => metadata.uid).toSorted(), known.map(({ metadata }) => metadata.uid).toSorted());
      const counts = now.map(({ status }) => status.containerStatuses[0]?.restartCount).toSorted();
      assert.deepEqual(counts, [0, 1]);
      assert.ok(now.every(({ status }) => status.containerStatuses[0]?.ready));
    },
    { withinMs: 30_000 },
  );
  assert.match(await machine.kubectl('get', 'nodes', '--no-headers'), / Ready /);
  await machine.kubectl('scale', 'deployment', 'steady', '--replicas=3');
  await machine.kubectl('rollout', 'status', 'deployment/steady', '--timeout=30s');
  const events = await machine.kubectl('get', 'events', '-o', 'jsonpath={range .items[*]}{.reason}{"\\n"}{end}');
  assert.doesNotMatch(events, /NodeNotReady|TaintManagerEviction/, 'its own silence is not held against the node');
});
