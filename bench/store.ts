/** What the store takes and gives, embedded and in etcd beside etcd's own rate on the same disk in the same run. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '../src/store/embedded.ts';
import { openEtcdStore } from '../src/store/etcd/etcd-store.ts';
import { EtcdCluster } from '../test/support/etcd.ts';
import { median } from './median.ts';
import { creates, fanOut, type Rate, rateOf, rawPuts } from './store-rates.ts';
import { printTable, type Line } from './table.ts';

const clients = 64;
const runMs = 3_000;
const turns = 3;

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'davit-bench-store-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const etcd = stack.use(await EtcdCluster.start());
const [endpoint = ''] = etcd.endpoints;
const embedded = stack.use(await openStore({ path: join(folder, 'store.db') }));
const mirrored = stack.use(await openEtcdStore({ endpoints: etcd.endpoints, place: { own: '/registry', etcd: '/registry' } }));
using raw = rawPuts(endpoint, 'raw');

const rates: Record<'embedded' | 'etcd' | 'raw', Rate[]> = { embedded: [], etcd: [], raw: [] };
for (let turn = 0; turn < turns; turn += 1) {
  rates.embedded.push(await rateOf(clients, runMs, creates(embedded, `t${turn}`)));
  rates.etcd.push(await rateOf(clients, runMs, creates(mirrored, `t${turn}`)));
  rates.raw.push(await rateOf(clients, runMs, (index) => raw(turn * 1_000_000 + index)));
}
const middle = (kind: keyof typeof rates, what: keyof Rate): number => median(rates[kind].map((rate) => rate[what]));
const [ours, theirs] = [middle('etcd', 'perSecond'), middle('raw', 'perSecond')];
const fan = median(await fanOut(embedded, 1_000, 20));
const memory = await memoryLines('embedded', join(folder, 'memory.db'));
const mirrorMemory = await memoryLines('etcd', 'unused', endpoint);

const rate = middle('embedded', 'perSecond');
const stall = Math.max(middle('embedded', 'stallMs'), middle('etcd', 'stallMs'));
const lines: readonly Line[] = [
  {
    name: `durable creates of 2 kB, ${clients} clients, embedded`,
    unit: '/s',
    davit: rate,
    wanted: { text: '≥ 3000 /s', met: rate >= 3_000 },
  },
  { name: '  one of them, 99th percentile', unit: 'ms', davit: middle('embedded', 'p99Ms') },
  {
    name: `durable creates of 2 kB, ${clients} clients, in etcd | bare puts`,
    unit: '/s',
    davit: ours,
    peer: theirs,
    wanted: { text: '≥ 80 % of bare puts', met: ours >= 0.8 * theirs },
  },
  { name: '  one of them, 99th percentile', unit: 'ms', davit: middle('etcd', 'p99Ms'), peer: middle('raw', 'p99Ms') },
  {
    name: 'event loop late, 99th percentile',
    unit: 'ms',
    davit: stall,
    peer: middle('raw', 'stallMs'),
    wanted: { text: '≤ 20 ms', met: stall <= 20 },
  },
  { name: 'one write to 1,000 watchers', unit: 'ms', davit: fan, wanted: { text: '≤ 100 ms', met: fan <= 100 } },
  ...memory,
  ...mirrorMemory,
];
printTable(lines, 'etcd 3.4');
process.exitCode = lines.every((line) => line.wanted?.met !== false) ? 0 : 1;

/** In a process of its own that fills the store, and in one that only opens it. */
async function memoryLines(kind: string, ...argv: readonly string[]): Promise<readonly Line[]> {
  const script = new URL('./store-memory.ts', import.meta.url).pathname;
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
  const run = async (): Promise<{ megabytes: number; openMs: number }> =>
    JSON.parse((await promisify(execFile)(process.execPath, [...flags, script, ...argv])).stdout) as { megabytes: number; openMs: number };
  const [filled, opened] = [await run(), await run()];
  const line = (name: string, megabytes: number): Line => ({
    name,
    unit: 'MB',
    davit: megabytes,
    wanted: { text: '≤ 600 MB', met: megabytes <= 600 },
  });
  return [
    line(`100,000 objects of 2 kB, ${kind}`, filled.megabytes),
    line('  opened again', opened.megabytes),
    { name: '  opening', unit: 'ms', davit: opened.openMs },
  ];
}
