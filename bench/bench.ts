/** `npm run bench`: what the README promises about speed and memory, measured beside dockerd in the same run. */
import { parseArgs } from 'node:util';
import { Machine } from '../test/support/machine.ts';
import { busyboxTar } from '../test/support/images.ts';
import { buildLines } from './build-lines.ts';
import { startDockerd } from './dockerd.ts';
import { idleCost } from './idle-cost.ts';
import { imageLines } from './image-lines.ts';
import { median } from './median.ts';
import { bareRunc, dockerRuns } from './runs.ts';
import { printTable, type Line } from './table.ts';
import { startTimes } from './start-times.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '15' },
    starts: { type: 'string', default: '5' },
    idle: { type: 'string', default: '20' },
    images: { type: 'string', default: '3' },
    builds: { type: 'string', default: '5' },
  },
});
const [imageRounds, buildRounds] = [Number(values.images), Number(values.builds)];
const [runs, starts, idleSeconds] = [Number(values.runs), Number(values.starts), Number(values.idle)];

const busybox = await busyboxTar();
const lines: Line[] = [];
await using stack = new AsyncDisposableStack();
const dockerd = await startDockerd(stack);
const machine = stack.use(await Machine.create('bench', 150));
const up = (): Promise<string> => machine.davit('up', '--insecure-registry', '198.18.0.0/16');
await up();

note(`docker run --rm busybox true, ${runs} times each, in turns`);
const davitHost = machine.environment['DOCKER_HOST'] ?? '';
const hosts = [davitHost, ...(dockerd ? [dockerd.host] : [])];
const [ours = [], theirs] = await dockerRuns(hosts, busybox, runs);
lines.push({
  name: 'docker run --rm busybox true',
  unit: 'ms',
  davit: median(ours),
  peer: theirs && median(theirs),
  wanted: theirs ? { text: 'half of dockerd', met: median(ours) <= median(theirs) / 2 } : undefined,
});
lines.push({ name: '  of it: the runtime alone (runc run)', unit: 'ms', davit: median(await bareRunc(busybox, runs)) });

note(`idle for ${idleSeconds} s`);
const idle = await idleCost(await davitPids(), idleSeconds);
const peerIdle = dockerd && (await idleCost(await dockerd.pids(), idleSeconds));
lines.push({
  name: 'idle memory, all processes (PSS)',
  unit: 'MB',
  davit: idle.megabytes,
  peer: peerIdle?.megabytes,
  wanted: { text: '≤ 250 MB', met: idle.megabytes <= 250 },
});
lines.push({
  name: 'idle CPU, part of one core',
  unit: '%',
  davit: idle.cpuPercent,
  peer: peerIdle?.cpuPercent,
  wanted: { text: '≤ 2 %', met: idle.cpuPercent <= 2 },
});

// Watching the event loop costs more than davit does when it is idle.
process.env['DAVIT_MEASURE_LOOP'] = '1';
await machine.davit('down');
await up();
if (imageRounds > 0) {
  note(`save, load and pull of a 200 MB root file system, ${imageRounds} times each, in turns`);
  lines.push(...(await imageLines(machine, dockerd, imageRounds)));
}

if (buildRounds > 0) {
  note(`builds, ${buildRounds} times each, in turns`);
  lines.push(...(await buildLines(machine, dockerd, busybox, buildRounds)));
}

note(`davit down and up, ${starts} times`);
const times = await startTimes(machine, starts);
const [api, ready] = [median(times.map((time) => time.apiMs)), median(times.map((time) => time.readyMs))];
lines.push({ name: 'davit up: API answers', unit: 'ms', davit: api, wanted: { text: '≤ 1000 ms', met: api <= 1000 } });
lines.push({ name: 'davit up: node is Ready', unit: 'ms', davit: ready, wanted: { text: '≤ 3000 ms', met: ready <= 3000 } });

printTable(lines, dockerd?.version);
process.exitCode = lines.every((line) => line.wanted?.met !== false) ? 0 : 1;

async function davitPids(): Promise<readonly number[]> {
  const status = JSON.parse(await machine.davit('status', '--output', 'json')) as { processes: { pid: number }[] };
  return status.processes.map(({ pid }) => pid);
}

function note(text: string): void {
  console.log(`… ${text}`);
}
