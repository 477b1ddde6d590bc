/** What `docker stats --no-stream` prints, beside the files of the container's control groups and interface. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';

let host: DockerMachine;
let pid: number;

/** Busy with all of it: a hog, 24 MB in memory, 8 MB written to the disk, 1.2 MB of pings, five processes. */
const busy = [
  'dd if=/dev/zero of=/dev/shm/held bs=1M count=24 2>/dev/null',
  'dd if=/dev/zero of=/data/written bs=1M count=8 oflag=direct 2>/dev/null',
  'ping -q -c 20 -s 60000 -i 0.01 $(ip route | sed -n "s/default via \\([0-9.]*\\).*/\\1/p") >/dev/null',
  'sleep 1000 & sleep 1000 & sleep 1000 &',
  'echo ready',
  'while :; do :; done',
].join('\n');

before(async () => {
  host = await DockerMachine.create('dstats', 142);
  const options = ['--cpus', '0.5', '--memory', '64m', '-v', 'data:/data'];
  await host.docker('run', '-d', '--name', 'busy', ...options, 'busybox:test', 'sh', '-c', busy);
  await host.sh('timeout 30 sh -c "until docker logs busy | grep -q ready; do sleep 0.1; done"');
  pid = Number(await host.docker('inspect', '-f', '{{.State.Pid}}', 'busy'));
});

after(() => host[Symbol.asyncDispose]());

/** A file of the container's group in the hierarchy of a controller. */
function group(controller: string, file: string): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const path = lines.map((line) => line.split(':')).find(([, controllers = '']) => controllers.split(',').includes(controller))?.[2];
  return readFileSync(`/proc/${pid}/root/sys/fs/cgroup/${controller}/${path === undefined ? '' : file}`, 'utf8');
}

interface Printed {
  readonly CPUPerc: string;
  readonly MemUsage: string;
  readonly MemPerc: string;
  readonly NetIO: string;
  readonly BlockIO: string;
  readonly PIDs: string;
}

async function printed(): Promise<Printed> {
  return JSON.parse(await host.docker('stats', '--no-stream', '--format', '{{json .}}', 'busy')) as Printed;
}

const units: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 1 << 10, MiB: 1 << 20, GiB: 1 << 30 };

/** `24.5MiB / 64MiB` → bytes. */
function bytes(text: string): readonly [number, number] {
  const [first = 0, second = 0] = text.split(' / ').map((part) => {
    const [, amount, unit = ''] = /^([\d.]+)(\w+)$/.exec(part) ?? [];
    return Number(amount) * (units[unit] ?? Number.NaN);
  });
  return [first, second];
}

function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= expected * 0.05, `${what}: ${actual}, the kernel says ${expected}`);
}

interface Reading {
  readonly ns: number;
  readonly host: number;
  readonly atMs: number;
}

function reading(): Reading {
  const [, ...ticks] = (/^cpu .*/.exec(readFileSync('/proc/stat', 'utf8'))?.[0] ?? '').split(/\s+/);
  // user … steal; guest time is in user's already.
  const host_ = ticks.slice(0, 8).reduce((sum, tick) => sum + Number(tick), 0);
  return { ns: Number(group('cpuacct', 'cpuacct.usage')), host: host_, atMs: performance.now() };
}

test('processor time: as in some second of the time that the command took', async () => {
  const readings = [reading()];
  const timer = setInterval(() => readings.push(reading()), 20);
  const { CPUPerc } = await printed().finally(() => clearInterval(timer));
  readings.push(reading());
  const processors = readFileSync('/proc/stat', 'utf8').match(/^cpu\d+/gm)?.length ?? 1;
  const shares = readings.flatMap((from) => {
    const to = readings.find(({ atMs }) => atMs >= from.atMs + 990);
    return to ? [((to.ns - from.ns) / 1e7 / (to.host - from.host)) * processors * 100] : [];
  });
  const percent = Number(CPUPerc.replace('%', ''));
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  assert.ok(percent >= least * 0.95 && percent <= most * 1.05, `${percent} %, the kernel says ${least} to ${most}`);
  assert.ok(percent <= 55, `--cpus 0.5: ${percent} %`);
});

test('memory without what the kernel would give back first, and of its limit', async () => {
  const { MemUsage, MemPerc } = await printed();
  const inactive = Number(/^total_inactive_file (\d+)/m.exec(group('memory', 'memory.stat'))?.[1]);
  const used = Number(group('memory', 'memory.usage_in_bytes')) - inactive;
  assert.ok(used > 24 << 20);
  const [usage, limit] = bytes(MemUsage);
  near(usage, used, 'memory');
  assert.equal(limit, 64 << 20);
  near(Number(MemPerc.replace('%', '')), (100 * used) / (64 << 20), 'percent of memory');
});

test('network, both ways', async () => {
  const { NetIO } = await printed();
  const counter = (name: string) => host.docker('exec', 'busy', 'cat', `/sys/class/net/eth0/statistics/${name}_bytes`);
  const [received, sent] = bytes(NetIO);
  const [rx, tx] = [Number(await counter('rx')), Number(await counter('tx'))];
  assert.ok(tx > 1_200_000);
  near(received, rx, 'received');
  near(sent, tx, 'sent');
});

test('the disk, both ways', async (context) => {
  const { BlockIO } = await printed();
  const lines = group('blkio', 'blkio.throttle.io_service_bytes_recursive').split('\n');
  const sum = (kind: string): number =>
    lines.filter((line) => line.split(' ')[1] === kind).reduce((total, line) => total + Number(line.split(' ')[2]), 0);
  const [read, written] = bytes(BlockIO);
  near(read, sum('Read'), 'read');
  near(written, sum('Write'), 'written');
  context.diagnostic(`written: ${sum('Write')} bytes`);
});

test('processes', async () => {
  assert.equal((await printed()).PIDs, group('pids', 'pids.current').trim());
});
