import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../test/support/eventually.ts';
import type { Machine } from '../test/support/machine.ts';
import { PeerRegistry } from '../test/support/peer-registry.ts';
import type { Dockerd } from './dockerd.ts';
import { imageTimes, rootFileSystem } from './image-times.ts';
import type { Line } from './table.ts';

const run = promisify(execFile);
const port = 5077;

/** Images in and out, and what they cost the engine meanwhile. The registry runs on the machine itself, where both reach it over their uplinks. */
export async function imageLines(machine: Machine, dockerd: Dockerd | undefined, times: number): Promise<readonly Line[]> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp('/tmp/dv-bench-registry-');
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const here = {
    folder,
    start: ([program = '', ...args]: readonly string[]) => spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] }),
    ok: async ([program = '', ...args]: readonly string[]) => (await run(program, args)).stdout,
  };
  stack.use(await PeerRegistry.start(here, { port }));
  const { tar } = stack.use(await rootFileSystem(200));
  const engine = await enginePid(machine);
  const ours = { host: machine.environment['DOCKER_HOST'] ?? '', remote: `198.18.150.1:${port}/davit` };
  const hosts = [ours, ...(dockerd ? [{ host: dockerd.host, remote: `198.18.151.1:${port}/dockerd` }] : [])];
  const before = memory(engine, 'VmRSS');
  writeFileSync(`/proc/${engine}/clear_refs`, '5');
  await heldUp(machine, engine);
  const [davit, peer] = await imageTimes(hosts, tar, times);
  if (!davit) throw new Error('no times');
  const growth = memory(engine, 'VmHWM') - before;
  const line = (verb: 'save' | 'load' | 'pull', text: string, factor: number): Line => ({
    name: `docker ${verb}, 200 MB`,
    unit: 'ms',
    davit: davit[verb],
    peer: peer?.[verb],
    wanted: peer && { text, met: davit[verb] <= peer[verb] * factor },
  });
  const longest = await heldUp(machine, engine);
  return [
    line('save', 'half of dockerd', 1 / 2),
    line('load', 'half of dockerd', 1 / 2),
    line('pull', '2/3 of dockerd', 2 / 3),
    { name: '  event loop held up meanwhile, longest', unit: 'ms', davit: longest, wanted: { text: '≤ 50 ms', met: longest <= 50 } },
    { name: '  memory above idle meanwhile, peak', unit: 'MB', davit: growth, wanted: { text: '≤ 150 MB', met: growth <= 150 } },
  ];
}

export async function enginePid(machine: Machine): Promise<number> {
  const status = JSON.parse(await machine.davit('status', '--output', 'json')) as { processes: { role: string; pid: number }[] };
  return status.processes.find(({ role }) => role === 'node')?.pid ?? 0;
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
}

/** Milliseconds; since the last call (src/daemon/loop-delay.ts). */
export async function heldUp(machine: Machine, pid: number): Promise<number> {
  const path = join(machine.folder, 'run/loop-delay.json');
  await rm(path, { force: true });
  process.kill(pid, 'SIGUSR2');
  return eventually(async () => (JSON.parse(readFileSync(path, 'utf8')) as { readonly heldUpMs: number }).heldUpMs, { withinMs: 5000 });
}
