/** A cluster as its users meet it: davit up, then only docker, kubectl and curl. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { busyboxTar } from '../support/images.ts';
import { eventually } from '../support/eventually.ts';
import { Machine } from '../support/machine.ts';

let machine: Machine;

/** The machine's own, and the newest. */
const newest = fileURLToPath(new URL('../../.cache/bin/kubectl-1.35', import.meta.url));
const kubectls = ['kubectl', ...(existsSync(newest) ? [newest] : [])];

const web = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: busybox:test
        imagePullPolicy: IfNotPresent
        command: [sh, -c, 'hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp']
        readinessProbe: { httpGet: { path: /index.html, port: 8080 }, periodSeconds: 1 }
        resources: { requests: { cpu: 10m, memory: 16Mi }, limits: { memory: 32Mi } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { type: NodePort, selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080, nodePort: 31234 }] }
`;

before(async () => {
  machine = await Machine.create('cluster', 101);
  await machine.davit('up');
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
});

after(async () => {
  await machine[Symbol.asyncDispose]();
});

test('the node is Ready, and davit says which processes it has', async () => {
  assert.match(await machine.kubectl('get', 'nodes', '--no-headers'), /^node-1\s+Ready/);
  const { processes } = JSON.parse(await machine.davit('status', '--output', 'json')) as { processes: { role: string; health: string }[] };
  assert.deepEqual(processes.map(({ role, health }) => `${role} ${health}`).toSorted(), ['node healthy', 'server healthy']);
});

test('a Deployment rolls out and answers by its Service name, cluster address and node port', async () => {
  await machine.ok(['kubectl', 'apply', '-f', '-'], { input: web(2) });
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  const ip = await machine.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
  // The roll-out is over when the pods are ready; the node's rules follow their EndpointSlice.
  for (const address of ['127.0.0.1:31234', ip]) {
    const get = ['curl', '-sf', '--max-time', '5', `http://${address}/index.html`];
    await eventually(async () => assert.match(await machine.ok(get), /^web-/), { withinMs: 5000 });
  }
  const inside = await machine.kubectl('exec', 'deploy/web', '--', 'wget', '-qO-', 'http://web.default.svc.cluster.local/index.html');
  assert.match(inside, /^web-/);
});

test('the API server answers pods at its Service address', async () => {
  const { code } = await machine.run(['kubectl', 'exec', 'deploy/web', '--', 'nc', '-w', '3', '10.96.0.1', '443']);
  assert.equal(code, 0);
});

test('pods are containers that docker shows', async () => {
  assert.match(await machine.docker('ps', '--format', '{{.Names}}'), /k8s_web_web-/);
});

test('a deleted pod is replaced, and a killed process too', async () => {
  const names = async (): Promise<string[]> => (await machine.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n');
  const [victim = ''] = await names();
  await machine.kubectl('delete', victim, '--wait=false');
  await eventually(
    async () => {
      const ready = await machine.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}');
      assert.equal(ready, '2');
      assert(!(await names()).includes(victim));
    },
    { withinMs: 10_000 },
  );
  const container = (await machine.docker('ps', '-q', '--filter', 'name=k8s_web_web')).split('\n')[0] ?? '';
  const pid = await machine.docker('inspect', '--format', '{{.State.Pid}}', container);
  await machine.ok(['kill', '-9', pid]);
  await eventually(async () => assert.match(await machine.kubectl('get', 'pods', '-l', 'app=web', '--no-headers'), /1\/1\s+Running\s+1/), {
    withinMs: 10_000,
  });
});

test('logs, exec with exit code, attach', async () => {
  await machine.ok(['kubectl', 'run', 'talk', '--image=busybox:test', '--restart=Never', '--', 'sh', '-c', 'echo said; sleep 600']);
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/talk', '--timeout=20s');
  assert.equal(await machine.kubectl('logs', 'talk'), 'said');
  assert.equal((await machine.run(['kubectl', 'exec', 'talk', '--', 'sh', '-c', 'exit 7'])).code, 7);
  assert.equal(await machine.ok(['kubectl', 'exec', '-i', 'talk', '--', 'cat'], { input: 'through' }), 'through');
  const echo = ['run', 'echo', '--image=busybox:test', '--restart=Never', '--rm', '-i', '--quiet', '--', 'cat'];
  assert.equal(await machine.ok(['kubectl', ...echo], { input: 'attached' }), 'attached');
  await machine.kubectl('delete', 'pod', 'talk', '--grace-period=0', '--force');
});

for (const client of kubectls) {
  test(`${basename(client)}: exec and port-forward`, async () => {
    assert.equal((await machine.run([client, 'exec', 'deploy/web', '--', 'sh', '-c', 'exit 5'])).code, 5);
    const forward = machine.start([client, 'port-forward', 'service/web', '18080:80']);
    const closed = once(forward, 'close');
    const listening = new Promise<void>((resolve) => {
      forward.stdout?.on('data', (chunk) => String(chunk).includes('Forwarding from 127.0.0.1:18080') && resolve());
    });
    try {
      await Promise.race([listening, closed]);
      assert.match(await machine.ok(['curl', '-sf', '--max-time', '5', 'http://127.0.0.1:18080/index.html']), /^web-/);
    } finally {
      forward.kill();
      await closed;
    }
  });
}

test('a rolling update and its undo', async () => {
  await machine.kubectl('set', 'env', 'deployment/web', 'VERSION=2');
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  assert.match(await machine.kubectl('exec', 'deploy/web', '--', 'env'), /VERSION=2/);
  await machine.kubectl('rollout', 'undo', 'deployment/web');
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  assert.doesNotMatch(await machine.kubectl('exec', 'deploy/web', '--', 'env'), /VERSION/);
  assert.match(await machine.kubectl('rollout', 'history', 'deployment/web'), /REVISION/);
});

test('an invalid manifest is refused with the path of the field', async () => {
  const unknown = await machine.run(['kubectl', 'apply', '-f', '-'], { input: web(2).replace('replicas:', 'replicaz:') });
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /unknown field "spec\.replicaz"/);
  // The Deployment before it is taken all the same.
  const wrong = await machine.run(['kubectl', 'apply', '-f', '-'], { input: web(2).replace('name: http', 'name: HTTP_') });
  assert.match(wrong.stderr, /spec\.ports\[0\]\.name/);
});

test('kill -9 of davit: pods go on answering, and everything is right after the next up', async () => {
  const settled = async (): Promise<string> => {
    const ids = await machine.kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.containerStatuses[*].containerID}');
    assert.equal(ids.split(' ').length, 2, await machine.kubectl('get', 'pods', '-o', 'wide'));
    return ids;
  };
  const ids = await eventually(settled, { withinMs: 10_000 });
  const { processes } = JSON.parse(await machine.davit('status', '--output', 'json')) as { processes: { pid: number }[] };
  await machine.ok(['kill', '-9', ...processes.map(({ pid }) => String(pid))]);
  assert.match(await machine.ok(['curl', '-sf', '--max-time', '5', 'http://127.0.0.1:31234/index.html']), /^web-/);
  await machine.davit('up');
  assert.equal(await settled(), ids);
  assert.match(await machine.ok(['curl', '-sf', '--max-time', '5', 'http://127.0.0.1:31234/index.html']), /^web-/);
});
