/** Limits as the kernel holds them: processor, memory, processes, block devices, and what they spare a neighbour. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { delay } from '../../base/abort.ts';
import { EngineLab } from '../../../test/support/engine-lab.ts';

let lab: EngineLab;
const hog = 'while :; do :; done';

before(async () => {
  lab = await EngineLab.open('lim');
});

after(() => lab[Symbol.asyncDispose]());

/** Processor time per second of real time. */
async function cpuShare(name: string, ms: number): Promise<number> {
  const usage = async (): Promise<number> => (await lab.engine.containers.stats(name)).cpu?.usageNs ?? 0;
  const [began, before_] = [performance.now(), await usage()];
  await delay(ms);
  return ((await usage()) - before_) / 1e6 / (performance.now() - began);
}

/** What a hog got of a processor in two seconds; and of each period of 100 ms in which it was stopped, since it had all that was its. */
async function hogged(name: string): Promise<{ readonly share: number; readonly ofStopped: number; readonly stopped: number }> {
  const began = { at: performance.now(), cpu: (await lab.engine.containers.stats(name)).cpu };
  await delay(2000);
  const { cpu } = await lab.engine.containers.stats(name);
  const usedMs = ((cpu?.usageNs ?? 0) - (began.cpu?.usageNs ?? 0)) / 1e6;
  const stopped = (cpu?.throttledPeriods ?? 0) - (began.cpu?.throttledPeriods ?? 0);
  return { share: usedMs / (performance.now() - began.at), ofStopped: usedMs / (stopped * 100), stopped };
}

async function remove(...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => lab.engine.containers.remove(name, { force: true, volumes: true })));
}

test('--cpus 0.5 gives a hog half a processor and no more, and an update while it runs a quarter', async (context) => {
  await lab.start('hog', hog, { limits: { nanoCpus: 0.5e9 } });
  const half = await hogged('hog');
  await lab.engine.containers.update('hog', { limits: { nanoCpus: 0.25e9 } });
  const quarter = await hogged('hog');
  await remove('hog');
  context.diagnostic(`half: ${JSON.stringify(half)}, quarter: ${JSON.stringify(quarter)}`);
  // Never above. A busy machine may have less to give: the periods in which it was stopped tell that it had its part whole.
  assert.ok(half.share <= 0.55 && quarter.share <= 0.275);
  assert.ok(half.stopped > 0 && quarter.stopped > 0);
  assert.ok(half.ofStopped >= 0.45 && quarter.ofStopped >= 0.225);
});

test('memory beyond the limit is killed and told, the rest of the machine is not touched', async () => {
  await lab.start('eater', 'exec tail /dev/zero', { limits: { memoryBytes: 16 << 20 } });
  const { exitCode } = await lab.engine.containers.wait('eater', 'not-running', lab.signal);
  const { oomKilled } = await lab.engine.containers.get('eater');
  assert.deepEqual([exitCode, oomKilled], [137, true]);
  await remove('eater');
});

test('a fork bomb ends at its number of processes, and the container can still be removed', async () => {
  await lab.start('bomb', '(while :; do sleep 100 & done); exec sleep 100', { limits: { pids: 20 } });
  await delay(500);
  const { pids } = await lab.engine.containers.stats('bomb');
  assert.ok((pids?.current ?? 99) <= 20, String(pids?.current));
  assert.equal(pids?.limit, 20);
  await remove('bomb');
});

test('a block device is written as fast as allowed', async (context) => {
  const device = blockDevice();
  if (!device) return context.skip('no block device below /tmp');
  const limits = { blkioDevices: [{ kind: 'writeBps' as const, path: device, amount: 1_000_000 }] };
  const began = performance.now();
  await lab.run('dd if=/dev/zero of=/data/x bs=100k count=20 oflag=direct 2>/dev/null; true', {
    limits,
    mounts: [{ type: 'bind', source: lab.folder, target: '/data', readOnly: false }],
  });
  const seconds = (performance.now() - began) / 1000;
  context.diagnostic(`2 MB at 1 MB/s took ${seconds.toFixed(1)} s`);
  assert.ok(seconds > 1.5, `${seconds} s`);
  return undefined;
});

/** The device of the file system that /tmp is on, as a node in /dev; undefined for tmpfs and its like. */
function blockDevice(): string | undefined {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const best = mounts
    .filter(([, target = '']) => target === '/' || lab.folder.startsWith(`${target}/`))
    .toSorted(([, one = ''], [, other = '']) => other.length - one.length)[0]?.[0];
  return best?.startsWith('/dev/') && !best.startsWith('/dev/root') ? best.replace(/(?<=[a-z])\d+$/, '') : undefined;
}

test('noisy neighbours: four hogs take a worker’s time without limits, and leave it with them', async (context) => {
  const work = async (): Promise<number> => {
    const share = cpuShare('worker', 1500);
    return share;
  };
  const neighbours = ['n1', 'n2', 'n3', 'n4'];
  await lab.start('worker', hog, { limits: { cpuShares: 1024 } });
  await Promise.all(neighbours.map((name) => lab.start(name, hog, { limits: { cpuShares: 1024 } })));
  const without = await work();
  await Promise.all(neighbours.map((name) => lab.engine.containers.update(name, { limits: { nanoCpus: 0.05e9, cpuShares: 2 } })));
  const withLimits = await work();
  await remove('worker', ...neighbours);
  context.diagnostic(`a worker's part of a processor: ${without.toFixed(2)} beside hogs, ${withLimits.toFixed(2)} beside limited ones`);
  assert.ok(withLimits > without * 1.2, `${without} → ${withLimits}`);
});
