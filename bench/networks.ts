/**
 * `node bench/networks.ts`: what networks cost and carry beside dockerd, same client, same run: throughput by iperf3
 * (tools/peers.sh iperf3) over the bridge and through a published port, attaching and detaching, many ports, names.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { encode } from 'dns-packet';
import { DockerMachine } from '../test/support/docker-machine.ts';
import { busyboxTar } from '../test/support/images.ts';
import { hasPeer, peerProgram } from '../test/support/peers.ts';
import { startDockerd } from './dockerd.ts';
import { median } from './median.ts';
import { printTable, type Line } from './table.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '7' }, seconds: { type: 'string', default: '3' }, ask: { type: 'string' } },
});
const [runs, seconds] = [Number(values.runs), Number(values.seconds)];
const run = promisify(execFile);
const image = 'busybox:bench';
const [machineNumber, dockerdNumber] = [141, 151];

if (values.ask !== undefined) {
  console.log(await askNames(values.ask, seconds));
  process.exit(0);
}

await using stack = new AsyncDisposableStack();
const dockerd = await startDockerd(stack);
const machine = stack.use(await DockerMachine.create('benchn', machineNumber));
const engines = [
  { host: `unix://${machine.engineSocket}`, address: `198.18.${machineNumber}.2` },
  ...(dockerd ? [{ host: dockerd.host, address: `198.18.${dockerdNumber}.2` }] : []),
];
const lines: Line[] = [];

for (const { host } of engines) {
  await docker(host, 'import', await busyboxTar(), image);
  await docker(host, 'network', 'create', 'bench');
  await docker(host, 'run', '-d', '--name', 'server', '--network', 'bench', '-p', '5201:5201', image, '/bin/sleep', '100000');
  await docker(host, 'run', '-d', '--name', 'client', '--network', 'bench', image, '/bin/sleep', '100000');
  await docker(host, 'network', 'create', 'other');
}
if (hasPeer('iperf3')) await throughput();
await attaching();
await manyPorts();
await names();
// dockerd leaves the namespaces of what runs mounted when it ends.
for (const { host } of engines) await docker(host, 'rm', '-f', ...(await docker(host, 'ps', '-aq')).split('\n'));
printTable(lines, dockerd?.version);
process.exitCode = lines.every(({ wanted }) => wanted?.met !== false) ? 0 : 1;

async function docker(host: string, ...args: readonly string[]): Promise<string> {
  return (await run('docker', args, { env: { ...process.env, DOCKER_HOST: host }, maxBuffer: 64 << 20 })).stdout.trim();
}

/** Gbit/s, the best of `runs` short transfers in turns: a busy neighbour only ever slows one down. */
async function throughput(): Promise<void> {
  const { path, env } = peerProgram('iperf3');
  const best = { bridge: engines.map(() => 0), published: engines.map(() => 0) };
  const pidOf = (host: string, name: string): Promise<string> => docker(host, 'inspect', '-f', '{{.State.Pid}}', name);
  for (let round = 0; round < Math.ceil(runs / 2); round += 1) {
    for (const [index, { host, address }] of engines.entries()) {
      const server = await pidOf(host, 'server');
      const inside = await docker(host, 'inspect', '-f', '{{(index .NetworkSettings.Networks "bench").IPAddress}}', 'server');
      for (const [kind, prefix, to] of [
        ['bridge', ['nsenter', '-t', await pidOf(host, 'client'), '-n'], inside],
        ['published', [], address],
      ] as const) {
        const listening = run('nsenter', ['-t', server, '-n', path, '-s', '-1'], { env: { ...process.env, ...env } });
        const [program = path, ...before] = prefix;
        const args = [...(prefix.length > 0 ? [...before, path] : []), '-c', to, '-t', String(seconds), '-J'];
        await new Promise((resolve) => setTimeout(resolve, 200));
        const { stdout } = await run(program, args, { env: { ...process.env, ...env }, maxBuffer: 64 << 20 });
        await listening;
        const bits = (JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received.bits_per_second;
        best[kind][index] = Math.max(best[kind][index] ?? 0, bits / 1e9);
      }
    }
  }
  for (const [name, [ours = 0, theirs]] of [
    ['throughput over the bridge', best.bridge],
    ['throughput through a published port', best.published],
  ] as const) {
    // Within what two runs of the same differ by.
    lines.push({
      name,
      unit: 'Gbit/s',
      davit: ours,
      peer: theirs,
      wanted: theirs ? { text: '≥ dockerd (within 10 %)', met: ours >= theirs * 0.9 } : undefined,
    });
  }
}

async function attaching(): Promise<void> {
  const times = { connect: engines.map((): number[] => []), disconnect: engines.map((): number[] => []) };
  for (let round = 0; round < runs; round += 1) {
    for (const [index, { host }] of engines.entries()) {
      for (const verb of ['connect', 'disconnect'] as const) {
        const began = performance.now();
        await docker(host, 'network', verb, 'other', 'client');
        times[verb][index]?.push(performance.now() - began);
      }
    }
  }
  for (const verb of ['connect', 'disconnect'] as const) {
    const [ours = 0, theirs] = times[verb].map(median);
    lines.push({
      name: `docker network ${verb}`,
      unit: 'ms',
      davit: ours,
      peer: theirs,
      wanted: theirs ? { text: '≤ dockerd', met: ours <= theirs } : undefined,
    });
  }
}

/** What a port more costs with few and with 2,000 there, in time and in the engine's memory. */
async function manyPorts(): Promise<void> {
  const start = async (host: string, name: string, ports: string): Promise<number> => {
    const began = performance.now();
    await docker(host, 'run', '-d', '--name', name, '-p', ports, image, '/bin/sleep', '100000');
    return performance.now() - began;
  };
  const [ours, peer] = engines;
  const few = await start(ours?.host ?? '', 'few', '10000:80');
  const peerHundred = peer && (await start(peer.host, 'hundred', '20000-20099:2000-2099'));
  const hundred = await start(ours?.host ?? '', 'hundred', '19000-19099:2000-2099');
  lines.push({ name: 'run with 100 published ports', unit: 'ms', davit: hundred, peer: peerHundred });
  const before = residentMegabytes(machine.enginePid);
  const many = await start(ours?.host ?? '', 'many', '20000-21999:2000-3999');
  const next = await start(ours?.host ?? '', 'next', '30000:80');
  lines.push({ name: 'run with 2,000 published ports', unit: 'ms', davit: many });
  lines.push({ name: 'run with 1 published port', unit: 'ms', davit: few });
  lines.push({
    name: '  the same, 2,101 others there',
    unit: 'ms',
    davit: next,
    wanted: { text: '≤ 2 × the first', met: next <= 2 * few },
  });
  lines.push({
    name: 'engine memory for 2,000 ports (no process per port)',
    unit: 'MB',
    davit: residentMegabytes(machine.enginePid) - before,
  });
}

async function names(): Promise<void> {
  const pid = await docker(engines[0]?.host ?? '', 'inspect', '-f', '{{.State.Pid}}', 'client');
  const before = cpuSeconds(machine.enginePid);
  const args = ['-t', pid, '-n', process.execPath, '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)];
  const answered = Number((await run('nsenter', [...args, '--ask', 'server', '--seconds', String(seconds)])).stdout.trim());
  const used = cpuSeconds(machine.enginePid) - before;
  lines.push({
    name: 'embedded DNS: answers per second of engine CPU',
    unit: '/s',
    davit: answered / used,
    wanted: { text: '≥ 20,000 on one core', met: answered / used >= 20_000 },
  });
  lines.push({ name: '  as asked by one client', unit: '/s', davit: answered / seconds });
}

function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
}

/** utime + stime of all threads, in clock ticks of 1/100 s. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Keeps 200 questions under way at 127.0.0.11; how many were answered. */
async function askNames(name: string, forSeconds: number): Promise<number> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const query = encode({ type: 'query', id: 1, flags: 0x100, questions: [{ type: 'A', name }] });
  let answered = 0;
  socket.on('message', () => {
    answered += 1;
    socket.send(query);
  });
  await new Promise<void>((resolve) => socket.connect(53, '127.0.0.11', resolve));
  for (let count = 0; count < 200; count += 1) socket.send(query);
  await new Promise((resolve) => setTimeout(resolve, forSeconds * 1000));
  socket.close();
  return answered;
}
