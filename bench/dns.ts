/**
 * `node bench/dns.ts`: answers per second of cluster DNS on one core, asked over UDP by another thread with 200 questions
 * under way: names of one address, names of many, names that do not exist, over a zone of 1,000 Services.
 */
import { createSocket } from 'node:dgram';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { encode } from 'dns-packet';
import { silentLog } from '../src/base/log.ts';
import { Responder } from '../src/kubernetes/dns/responder.ts';
import { serveDns } from '../src/kubernetes/dns/server.ts';
import { hostUpstreams } from '../src/kubernetes/dns/upstreams.ts';
import { buildZone } from '../src/kubernetes/dns/zone.ts';

const seconds = 3;
const underWay = 200;
const patterns = {
  'a cluster address': (n: number) => `s${n % 1_000}.default.svc.cluster.local`,
  '20 pod addresses': (n: number) => `h${n % 10}.default.svc.cluster.local`,
  'no such name': (n: number) => `nope${n % 1_000}.default.svc.cluster.local`,
} as const;

if (isMainThread) await serve();
else ask(workerData as { readonly port: number; readonly pattern: keyof typeof patterns });

async function serve(): Promise<void> {
  const service = (name: string, clusterIP: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name },
    spec: { clusterIP, ports: [{ name: 'http', port: 80 }] },
  });
  const slice = (name: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: Array.from({ length: 20 }, (_, index) => ({ addresses: [`10.244.0.${index + 2}`] })),
  });
  const plain = Array.from({ length: 1_000 }, (_, index) => service(`s${index}`, `10.96.${index >> 8}.${index & 255}`));
  const headless = Array.from({ length: 10 }, (_, index) => service(`h${index}`, 'None'));
  const zone = buildZone(
    [...plain, ...headless],
    headless.map(({ metadata }) => slice(metadata.name)),
    'cluster.local',
    '10.96.0.10',
  );
  const responder = new Responder({ zone: () => zone, upstreams: () => hostUpstreams, hostResolvers: () => [], log: silentLog });
  await using server = await serveDns({
    address: '127.0.0.1',
    port: 0,
    answer: (message, by) => responder.answer(message, by),
    log: silentLog,
  });
  for (const pattern of Object.keys(patterns)) {
    const before = process.threadCpuUsage();
    const worker = new Worker(new URL(import.meta.url), { workerData: { port: server.port, pattern } });
    const answered = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    const { user, system } = process.threadCpuUsage(before);
    const perCore = Math.round(answered / ((user + system) / 1e6));
    const rate = Math.round(answered / seconds);
    console.log(
      `${pattern.padEnd(20)} ${rate.toLocaleString('en').padStart(8)}/s; per second of the server's own CPU ${perCore.toLocaleString('en')}`,
    );
    await worker.terminate();
  }
}

function ask({ port, pattern }: { readonly port: number; readonly pattern: keyof typeof patterns }): void {
  const queries = Array.from({ length: 1_000 }, (_, index) =>
    encode({ type: 'query', id: index, questions: [{ type: 'A', name: patterns[pattern](index) }] }),
  );
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  let [next, answered] = [0, 0];
  const send = (): void => socket.send(queries[next++ % queries.length] ?? Buffer.alloc(0));
  socket.on('message', () => {
    answered += 1;
    send();
  });
  socket.connect(port, '127.0.0.1', () => {
    for (let count = 0; count < underWay; count += 1) send();
  });
  setTimeout(() => parentPort?.postMessage(answered), seconds * 1_000);
}
