/** Services as their users meet them: addresses on the host, and rolling updates that nobody notices. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { busyboxTar } from '../support/images.ts';
import { eventually } from '../support/eventually.ts';
import { Machine } from '../support/machine.ts';
import { hasPeer, peerProgram } from '../support/peers.ts';

let machine: Machine;

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: web
        image: busybox:test
        command: [sh, -c, 'hostname > /tmp/index.html; httpd -f -p 8080 -h /tmp & trap "sleep 1; exit 0" TERM; wait; wait']
        readinessProbe: { httpGet: { path: /index.html, port: 8080 }, periodSeconds: 1 }
        livenessProbe: { httpGet: { path: /index.html, port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { type: LoadBalancer, selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;

before(async () => {
  machine = await Machine.create('services', 190);
  await machine.davit('up');
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
  await machine.ok(['kubectl', 'apply', '-f', '-'], { input: web });
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
});

after(async () => {
  await machine[Symbol.asyncDispose]();
});

async function balancerAddress(): Promise<string> {
  const address = await machine.kubectl('get', 'service', 'web', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}');
  assert.match(address, /^10\.97\.0\.\d+$/);
  return address;
}

test('a balancer’s address is this host’s and leads to the pods', async () => {
  const address = await eventually(balancerAddress, { withinMs: 5_000 });
  assert.match(await machine.ok(['curl', '-sf', '--max-time', '5', `http://${address}/index.html`]), /^web-/);
  assert.match(
    await machine.kubectl('get', 'service', 'web', '--no-headers'),
    new RegExp(`LoadBalancer\\s+\\S+\\s+${address}\\s+80:\\d+/TCP`),
  );
  assert.match(await machine.ok(['ip', 'addr', 'show', 'davit0']), new RegExp(`inet ${address}/32`));
});

test('ten rolling updates under load: no request fails', { skip: !hasPeer('wrk') }, async (context) => {
  const address = await balancerAddress();
  const { path, env } = peerProgram('wrk');
  const pidFile = join(machine.folder, 'wrk.pid');
  const command = `echo $$ > ${pidFile}; exec env LD_LIBRARY_PATH=${env['LD_LIBRARY_PATH']} ${path} -t 1 -c 4 -d 300 http://${address}/index.html`;
  const load = machine.run(['sh', '-c', command], { timeoutMs: 300_000 });
  await eventually(() => readFile(pidFile), { withinMs: 5_000 });
  for (let version = 1; version <= 10; version += 1) {
    await machine.kubectl('set', 'env', 'deployment/web', `VERSION=${version}`);
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  }
  await machine.ok(['kill', '-INT', (await readFile(pidFile, 'utf8')).trim()]);
  const { stdout } = await load;
  context.diagnostic(/\d+ requests in .*/.exec(stdout)?.[0] ?? stdout);
  assert.match(stdout, /\d{3,} requests in/);
  assert.doesNotMatch(stdout, /Socket errors|Non-2xx/, stdout);
});
