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

const ingress = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: shop }
spec:
  tls: [{ hosts: [shop.example], secretName: shop-tls }]
  rules:
  - host: shop.example
    http:
      paths:
      - { path: /, pathType: Prefix, backend: { service: { name: web, port: { name: http } } } }
`;

test('an Ingress: by host and path, with the Secret’s certificate, and kubectl describes it', async () => {
  const [key, cert] = [join(machine.folder, 'tls.key'), join(machine.folder, 'tls.crt')];
  const names = ['-subj', '/CN=shop.example', '-addext', 'subjectAltName=DNS:shop.example'];
  await machine.ok(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...names]);
  await machine.kubectl('create', 'secret', 'tls', 'shop-tls', `--cert=${cert}`, `--key=${key}`);
  await machine.ok(['kubectl', 'apply', '-f', '-'], { input: ingress });
  const curl = (...words: readonly string[]): Promise<string> =>
    machine.ok(['curl', '-s', '--max-time', '5', '--resolve', 'shop.example:443:127.0.0.1', ...words]);
  await eventually(async () => assert.match(await curl('--cacert', cert, 'https://shop.example/index.html'), /^web-/), {
    withinMs: 10_000,
  });
  assert.match(await curl('-H', 'Host: shop.example', 'http://127.0.0.1/index.html'), /^web-/);
  assert.equal(await curl('-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: other.example', 'http://127.0.0.1/'), '404');
  const told = await machine.kubectl('describe', 'ingress', 'shop');
  assert.match(told, /Ingress Class:\s+davit/);
  assert.match(told, new RegExp(`Address:\\s+${machine.address}`));
  assert.match(told, /TLS:\s+shop-tls terminates shop\.example/);
  assert.match(told, /shop\.example\s+\/\s+web:http \(10\.244\.0\.\d+:8080,10\.244\.0\.\d+:8080\)/);
});

test('ten rolling updates under load, by the Service and by the Ingress: no request fails', { skip: !hasPeer('wrk') }, async (context) => {
  const [byService, byIngress] = await Promise.all([
    startLoad('service', `http://${await balancerAddress()}/index.html`),
    startLoad('ingress', 'http://127.0.0.1/index.html', '-H', 'Host: shop.example'),
  ]);
  for (let version = 1; version <= 10; version += 1) {
    await machine.kubectl('set', 'env', 'deployment/web', `VERSION=${version}`);
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  }
  for (const load of [byService, byIngress]) {
    const told = await load.end();
    context.diagnostic(/\d+ requests in .*/.exec(told)?.[0] ?? told);
    assert.match(told, /\d{3,} requests in/);
    assert.doesNotMatch(told, /Socket errors|Non-2xx/, told);
  }
});

/** wrk, until it is ended; then what it says. */
async function startLoad(name: string, url: string, ...options: readonly string[]): Promise<{ end(): Promise<string> }> {
  const { path, env } = peerProgram('wrk');
  const pidFile = join(machine.folder, `wrk-${name}.pid`);
  const command = `echo $$ > ${pidFile}; exec env LD_LIBRARY_PATH=${env['LD_LIBRARY_PATH']} "$@"`;
  const load = machine.run(['sh', '-c', command, 'sh', path, '-t', '1', '-c', '4', '-d', '300', ...options, url], { timeoutMs: 300_000 });
  await eventually(() => readFile(pidFile), { withinMs: 5_000 });
  return {
    async end() {
      await machine.ok(['kill', '-INT', (await readFile(pidFile, 'utf8')).trim()]);
      return (await load).stdout;
    },
  };
}

const policy = (ingressRules: string): string => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web }
spec: { podSelector: { matchLabels: { app: web } }, policyTypes: [Ingress], ingress: ${ingressRules} }
`;

test('a NetworkPolicy holds between pods of one node, and probes go on', async () => {
  await machine.ok(['kubectl', 'run', 'client', '--image=busybox:test', '--labels=role=client', '--', 'sleep', '600']);
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=20s');
  const get = async (): Promise<number> =>
    (
      await machine.run([
        'kubectl',
        'exec',
        'client',
        '--',
        'timeout',
        '2',
        'wget',
        '-qO-',
        'http://web.default.svc.cluster.local/index.html',
      ])
    ).code;
  assert.equal(await get(), 0);
  await machine.ok(['kubectl', 'apply', '-f', '-'], { input: policy('[]') });
  await eventually(async () => assert.notEqual(await get(), 0), { withinMs: 5_000 });
  await machine.ok(['kubectl', 'apply', '-f', '-'], {
    input: policy('[{ from: [{ podSelector: { matchLabels: { role: client } } }], ports: [{ port: 8080 }] }]'),
  });
  await eventually(async () => assert.equal(await get(), 0), { withinMs: 5_000 });
  assert.equal(await machine.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'), '2');
});

test('names: pods by address, ports, ExternalName with its target’s address', async () => {
  await machine.kubectl('create', 'service', 'externalname', 'alias', '--external-name=web.default.svc.cluster.local');
  const lookup = (...words: readonly string[]): Promise<string> => machine.ok(['kubectl', 'exec', 'client', '--', 'nslookup', ...words]);
  const [ip = ''] = (await machine.kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ');
  assert.match(
    await lookup(`${ip.replaceAll('.', '-')}.default.pod.cluster.local`),
    new RegExp(`Address:\\s+${ip.replaceAll('.', '\\.')}\\b`),
  );
  assert.match(
    await lookup('-type=srv', '_http._tcp.web.default.svc.cluster.local'),
    /service = 0 100 80 web\.default\.svc\.cluster\.local/,
  );
  const clusterIp = await machine.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
  await eventually(async () => assert.match(await lookup('alias.default.svc.cluster.local'), new RegExp(clusterIp)), { withinMs: 5_000 });
});
