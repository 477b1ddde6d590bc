/** `node bench/containers.ts`: the verbs of containers beside dockerd, same client, in turns, one run. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs, promisify } from 'node:util';
import { DockerMachine } from '../test/support/docker-machine.ts';
import { busyboxTar } from '../test/support/images.ts';
import { startDockerd } from './dockerd.ts';
import { DockerVerbs } from './docker-verbs.ts';
import { median } from './median.ts';
import { printTable, type Line } from './table.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '15' }, many: { type: 'string', default: '500' } } });
const [runs, many] = [Number(values.runs), Number(values.many)];
const run = promisify(execFile);
const image = 'busybox:bench';

await using stack = new AsyncDisposableStack();
const dockerd = await startDockerd(stack);
const machine = stack.use(await DockerMachine.create('benchc', 139));
const hosts = [`unix://${machine.engineSocket}`, ...(dockerd ? [dockerd.host] : [])];
const lines: Line[] = [];

async function docker(host: string, ...args: readonly string[]): Promise<string> {
  return (await run('docker', args, { env: { ...process.env, DOCKER_HOST: host }, maxBuffer: 64 << 20 })).stdout.trim();
}

/** The same without the client: the engine's own part, in turns. */
async function compareAtApi(name: string, verb: (verbs: DockerVerbs) => Promise<void>): Promise<void> {
  const times = hosts.map((): number[] => []);
  const clients = hosts.map((host) => new DockerVerbs(host));
  for (let round = -1; round < runs; round += 1) {
    for (const [index, client] of clients.entries()) {
      const began = performance.now();
      await verb(client);
      if (round >= 0) times[index]?.push(performance.now() - began);
    }
  }
  for (const client of clients) client[Symbol.dispose]();
  const [ours = 0, theirs] = times.map(median);
  lines.push({ name: `  ${name}, at the API`, unit: 'ms', davit: ours, peer: theirs });
}

/** Medians of a verb on each host in turns, so that a busy moment hits all alike. `prepare` is not measured. */
async function compare(
  name: string,
  part: number,
  verb: (host: string) => readonly string[],
  prepare?: (host: string) => Promise<unknown>,
): Promise<void> {
  console.log(`… ${name}`);
  const times = hosts.map((): number[] => []);
  for (let round = -1; round < runs; round += 1) {
    for (const [index, host] of hosts.entries()) {
      await prepare?.(host);
      const began = performance.now();
      await docker(host, ...verb(host));
      if (round >= 0) times[index]?.push(performance.now() - began);
    }
  }
  const [ours = 0, theirs] = times.map(median);
  const wanted = theirs ? { text: `≤ ${part.toFixed(2)} of dockerd`, met: ours <= theirs * part } : undefined;
  lines.push({ name, unit: 'ms', davit: ours, peer: theirs, wanted });
}

for (const host of hosts) await docker(host, 'import', await busyboxTar(), image);
await compare('run --rm … true, on bridge', 1 / 3, () => ['run', '--rm', image, '/bin/true']);
await compare('run --rm --network none … true', 1 / 4, () => ['run', '--rm', '--network', 'none', image, '/bin/true']);
await compareAtApi('run --rm on bridge', (verbs) => verbs.run(image, ['/bin/true'], 'bridge'));
await compareAtApi('run --rm --network none', (verbs) => verbs.run(image, ['/bin/true'], 'none'));
const prompt = ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do /bin/sleep 1 & wait; done'];
for (const host of hosts) await docker(host, 'run', '-d', '--name', 'long', image, ...prompt);
await compare('exec true', 1 / 2, () => ['exec', 'long', '/bin/true']);
await compareAtApi('exec', (verbs) => verbs.exec('long', ['/bin/true']));
await compare(
  'stop of a prompt container',
  1 / 2,
  () => ['stop', 'long'],
  (host) => docker(host, 'start', 'long'),
);
await memoryPerContainer();
await manyContainers();
printTable(lines, dockerd?.version);
process.exitCode = lines.every((line) => line.wanted?.met !== false) ? 0 : 1;

/** What one more idle container costs beside its own process: its supervisor's memory and the engine's growth. */
async function memoryPerContainer(): Promise<void> {
  const count = 20;
  const before = pss(machine.enginePid);
  const [host = ''] = hosts;
  const ids = await Promise.all(Array.from({ length: count }, () => docker(host, 'run', '-d', image, '/bin/sleep', '1000')));
  const engine = Math.max(0, pss(machine.enginePid) - before) / count;
  const pids = (await run('pgrep', ['-f', `conmon.*${machine.folder}`])).stdout.split('\n').filter(Boolean).map(Number);
  const supervisor = median(pids.map(pss));
  lines.push({
    name: 'memory beside a running container: supervisor',
    unit: 'MB',
    davit: supervisor / 1000,
    wanted: { text: '≤ 2 MB with the engine’s part', met: supervisor + engine <= 2000 },
  });
  lines.push({ name: '  the engine’s part', unit: 'MB', davit: engine / 1000 });
  await docker(host, 'rm', '-f', ...ids);
}

async function manyContainers(): Promise<void> {
  for (const host of hosts) {
    const waiting = Array.from({ length: many }).values();
    const worker = async (): Promise<void> => {
      for (const _ of waiting) await docker(host, 'create', image, '/bin/true');
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
  }
  await compare(`ps -a with ${many} containers`, 1 / 2, () => ['ps', '-a']);
  await compareAtApi('ps -a', (verbs) => verbs.list());
  for (const host of hosts) await docker(host, 'rm', ...(await docker(host, 'ps', '-aq', '--filter', 'status=created')).split('\n'));
}

function pss(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1.024;
}
