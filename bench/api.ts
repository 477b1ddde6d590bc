/**
 * What the API server answers over HTTPS, on its durable store, asked by another process.
 *
 *   node bench/api.ts [--watchers 1000,10000] [--seconds 5] [--only gets,creates,lists,watches] [--profile FOLDER]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { ask, PlainGets, session, steadily, Watching } from './api-clients.ts';
import type { Health, Reach } from './api-server.ts';
import { median } from './median.ts';
import { rateOf } from './store-rates.ts';
import { printTable, type Line } from './table.ts';

const { values } = parseArgs({
  options: {
    watchers: { type: 'string', default: '1000,10000' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'gets,creates,lists,watches' },
    profile: { type: 'string' },
  },
});
const durationMs = Number(values.seconds) * 1000;
const flags = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
const server = fork(new URL('./api-server.ts', import.meta.url), { execArgv: [...flags, '--disable-warning=ExperimentalWarning'] });
const [reach] = (await once(server, 'message')) as [Reach];
const clients = Array.from({ length: 16 }, () => session(reach));
const client = (index: number): (typeof clients)[number] => clients[index % clients.length] as (typeof clients)[number];
const lines: Line[] = [];
const pods = '/api/v1/namespaces/default/pods';

/** A pod that is about 2 kB when its defaults and the fields' owners are in it. */
const pod = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'nginx:1.27', resources: { requests: { cpu: '100m' } } }] },
});

async function phase(name: string): Promise<Health> {
  server.send('health');
  const [health] = (await once(server, 'message')) as [Health];
  lines.push({
    name: `  event loop late, 99th percentile (${name})`,
    unit: 'ms',
    davit: health.stallMs,
    wanted: { text: '≤ 20 ms', met: health.stallMs <= 20 },
  });
  return health;
}

const parts = { gets, creates, lists, watches };
for (const [name, part] of Object.entries(parts)) {
  if (values.only.split(',').includes(name)) await part();
}
for (const one of clients) one.close();
server.disconnect();
printTable(lines, undefined);
process.exitCode = lines.every((line) => line.wanted?.met !== false) ? 0 : 1;

/** Forgets what was before. */
async function begin(): Promise<void> {
  server.send('health');
  await once(server, 'message');
}

async function gets(): Promise<void> {
  await ask(client(0), 'POST', pods, pod('one'));
  // The code is warm, as it is in a server that runs.
  const plain = await Promise.all(Array.from({ length: 32 }, () => PlainGets.open(reach)));
  const get = (index: number): Promise<void> => (plain[index % plain.length] as PlainGets).get(`${pods}/one`);
  await steadily(1000, 1000, get);
  await begin();

  const times = await steadily(2_000, durationMs, get);
  for (const one of plain) one.close();
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
  lines.push({ name: 'get at 2,000 /s, 99th percentile', unit: 'ms', davit: p99, wanted: { text: '≤ 5 ms', met: p99 <= 5 } });
  const { cpuMs } = await phase('gets');
  lines.push({ name: '  processor time of the server for one', unit: 'ms', davit: cpuMs / times.length });
}

async function creates(): Promise<void> {
  const made = await rateOf(64, durationMs, (index) => ask(client(index), 'POST', pods, pod(`p${index}`)));
  lines.push({ name: 'durable creates of pods, 64 clients', unit: '/s', davit: made.perSecond });
  lines.push({ name: '  one of them, 99th percentile', unit: 'ms', davit: made.p99Ms });
  const creating = await phase('creates');
  lines.push({
    name: '  processor time of the server for one',
    unit: 'ms',
    davit: creating.cpuMs / (made.perSecond * (durationMs / 1000)),
  });
}

async function lists(): Promise<void> {
  const namespace = '/api/v1/namespaces/kube-public/pods';
  await Promise.all(
    Array.from({ length: 64 }, async (_, worker) => {
      for (let index = worker; index < 10_000; index += 64) await ask(client(index), 'POST', namespace, pod(`l${index}`));
    }),
  );
  await ask(client(0), 'GET', namespace);
  await begin();
  const listed = [];
  for (let round = 0; round < 7; round += 1) listed.push(await ask(client(0), 'GET', namespace));
  const firstMs = median(listed.map((one) => one.firstMs));
  const rate = median(listed.map(({ bytes, ms }) => bytes / 1e6 / (ms / 1000)));
  const size = ((listed[0]?.bytes ?? 0) / 1e7).toFixed(1);
  lines.push({
    name: `list of 10,000 pods of ${size} kB: first byte`,
    unit: 'ms',
    davit: firstMs,
    wanted: { text: '≤ 50 ms', met: firstMs <= 50 },
  });
  lines.push({ name: '  of it in all', unit: 'MB/s', davit: rate, wanted: { text: '≥ 150 MB/s', met: rate >= 150 } });
  const { megabytes } = await phase('lists');
  lines.push({ name: '  memory of the server then', unit: 'MB', davit: megabytes });
}

async function watches(): Promise<void> {
  for (const count of values.watchers.split(',').map(Number)) {
    const path = '/api/v1/namespaces/kube-system/configmaps?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan';
    const connections = Array.from({ length: Math.ceil(count / 90) }, () => session(reach));
    const watching = await Watching.start(connections, count, path);
    const name = `fan-${count}`;
    const maps = '/api/v1/namespaces/kube-system/configmaps';
    const map = (value: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } });
    await watching.timeOf(() => ask(client(0), 'POST', maps, map('0')));
    server.send('health');
    await once(server, 'message');
    const rounds = [];
    for (let round = 0; round < 10; round += 1) {
      rounds.push(await watching.timeOf(() => ask(client(0), 'PUT', `${maps}/${name}`, map(`${round}${'x'.repeat(2000)}`))));
    }
    const fan = median(rounds);
    const wanted = count === 1000 ? { text: '≤ 100 ms', met: fan <= 100 } : undefined;
    lines.push({ name: `one write to ${count} watchers`, unit: 'ms', davit: fan, wanted });
    await phase(`${count} watchers`);
    watching.stop();
    for (const connection of connections) connection.close();
  }
}
