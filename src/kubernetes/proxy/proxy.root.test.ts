/** Packets between namespaces through the rendered table. Run in a network namespace of its own. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Kernel } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { renderProxy, tableName } from './render.ts';
import type { ServicePort } from './service-port.ts';

const run = promisify(execFile);
const pods = ['10.244.9.2', '10.244.9.3'] as const;
const children: ChildProcess[] = [];
let kernel: Kernel;
let folder: string;

const server = `require('net').createServer({allowHalfOpen:true},s=>s.end(process.argv[1]+' '+s.remoteAddress)).listen(8080,()=>console.log('up'))`;
const client = `const s=require('net').connect(+process.argv[2],process.argv[1]);s.on('data',d=>process.stdout.write(d));s.on('error',e=>{console.log(e.code)})`;

const common = { protocol: 'tcp', port: 80 } as const;
const table: readonly ServicePort[] = [
  { ...common, id: 'default/both/tcp/80', addresses: ['10.96.9.1'], nodePort: 30999, backends: pods.map((ip) => ({ ip, port: 8080 })) },
  { ...common, id: 'default/one/tcp/80', addresses: ['10.96.9.2'], nodePort: undefined, backends: [{ ip: pods[0], port: 8080 }] },
  { ...common, id: 'default/dead/tcp/80', addresses: ['10.96.9.3'], nodePort: undefined, backends: [] },
];

before(async () => {
  kernel = await openKernel();
  folder = await mkdtemp('/tmp/dvp-');
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  kernel.links.apply([
    { do: 'addBridge', name: 'dvp0' },
    { do: 'addAddress', name: 'dvp0', cidr: '10.244.9.1/24' },
    { do: 'setUp', name: 'dvp0' },
  ]);
  await writeFile('/proc/sys/net/ipv4/conf/dvp0/route_localnet', '1');
  for (const [index, ip] of pods.entries()) {
    const pin = join(folder, ip);
    const name = `dvp-veth${index}`;
    kernel.namespaces.create({ net: pin });
    kernel.links.apply([
      { do: 'addVeth', name, peer: 'eth0', peerNamespace: pin },
      { do: 'setMaster', name, master: 'dvp0', hairpin: true },
      { do: 'setUp', name },
    ]);
    kernel.links.apply(
      [
        { do: 'addAddress', name: 'eth0', cidr: `${ip}/24` },
        { do: 'setUp', name: 'eth0' },
        { do: 'addRoute', to: 'default', via: '10.244.9.1' },
      ],
      pin,
    );
    const child = spawn('/usr/bin/nsenter', [`--net=${pin}`, process.execPath, '-e', server, ip], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    if (child.stdout) await once(child.stdout, 'data');
  }
  await kernel.firewall.nft(renderProxy(table, { podCidr: '10.244.9.0/24' }));
});

after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await kernel.firewall.nft(`add table ip ${tableName}\ndelete table ip ${tableName}\n`);
  for (const ip of pods) kernel.namespaces.remove(join(folder, ip));
  kernel.links.apply([{ do: 'deleteLink', name: 'dvp0' }]);
  await rm(folder, { recursive: true, force: true });
  await kernel[Symbol.asyncDispose]();
});

/** What a client is told: `<pod that answered> <address it saw>`, or the error's code. */
async function ask(from: string | undefined, address: string, port = 80): Promise<string> {
  const enter = from === undefined ? [] : ['/usr/bin/nsenter', `--net=${join(folder, from)}`];
  const [program = '', ...rest] = [...enter, process.execPath, '-e', client, address, String(port)];
  const { stdout } = await run(program, rest, { timeout: 10_000 });
  return stdout.trim();
}

test('the host reaches a ClusterIP, and a NodePort at each of its addresses', async () => {
  assert.match(await ask(undefined, '10.96.9.1'), /^10\.244\.9\.[23] /);
  assert.match(await ask(undefined, '127.0.0.1', 30_999), /^10\.244\.9\.[23] /);
  assert.match(await ask(undefined, '10.244.9.1', 30_999), /^10\.244\.9\.[23] /);
});

test('a pod reaches another through its Service and is seen with its own address', async () => {
  assert.equal(await ask(pods[1], '10.96.9.2'), `${pods[0]} ::ffff:${pods[1]}`);
});

test('a pod reaches itself through its own Service', async () => {
  assert.match(await ask(pods[0], '10.96.9.2'), /^10\.244\.9\.2 ::ffff:10\.244\.9\.1$/);
});

test('connections are spread over the endpoints', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(pods[0], '10.96.9.1')));
  assert.deepEqual([...new Set(answers.map((answer) => answer.split(' ')[0]))].toSorted(), [...pods]);
});

test('a Service without endpoints refuses at once', async () => {
  const began = performance.now();
  assert.equal(await ask(pods[0], '10.96.9.3'), 'ECONNREFUSED');
  assert.equal(await ask(undefined, '10.96.9.3'), 'ECONNREFUSED');
  assert(performance.now() - began < 900);
});
