/** `node bench/image-memory.ts [MB]`: what an image of 2 GB (107,000 files) costs the engine: peak memory above idle and the event loop, verb by verb. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Machine } from '../test/support/machine.ts';
import { PeerRegistry } from '../test/support/peer-registry.ts';
import { enginePid, heldUp } from './image-lines.ts';
import { rootFileSystem } from './image-times.ts';
import { printTable, type Line } from './table.ts';

const run = promisify(execFile);
const megabytes = Number(process.argv[2] ?? 2000);
const part = 200;
const wantedMegabytes = 150;
const wantedMs = 50;

await using stack = new AsyncDisposableStack();
const machine = stack.use(await Machine.create('benchi', 150));
process.env['DAVIT_MEASURE_LOOP'] = '1';
await machine.davit('up', '--insecure-registry', '198.18.0.0/16');
stack.use(await PeerRegistry.start(machine, { port: 5000 }));
const engine = await enginePid(machine);
const tar = await rootTar();
const remote = `${machine.address}:5000/large`;
const archive = join(machine.folder, 'saved.tar');
const context = join(machine.folder, 'context');
await mkdir(context);
await run('tar', ['-xf', tar, '-C', context]);
await run('bash', ['-c', `printf 'FROM scratch\\nCOPY . /\\n' > ${context}/Dockerfile`]);

const idle = memory('VmRSS');
const lines: Line[] = [];
await measured('docker import', 'import', tar, 'large:bench');
await machine.docker('tag', 'large:bench', remote);
await measured('docker push', 'push', '-q', remote);
await measured('docker save', 'save', '-o', archive, 'large:bench');
await machine.docker('rmi', '-f', 'large:bench', remote);
await measured('docker load', 'load', '-i', archive);
await rm(archive);
await machine.docker('rmi', '-f', 'large:bench', remote);
await measured('docker pull', 'pull', '-q', remote);
await measured('docker build', 'build', '-q', '-t', 'large:built', context);
const id = await machine.docker('create', 'large:built', 'x');
await measured('docker export', 'export', '-o', archive, id);
await measured('docker cp', 'cp', `${id}:/`, join(machine.folder, 'copied'));
printTable(lines, undefined);
process.exitCode = lines.every((line) => line.wanted?.met !== false) ? 0 : 1;

/** The root file system of the other benchmark again and again, each time in a directory of its own. */
async function rootTar(): Promise<string> {
  await using small = await rootFileSystem(part);
  const folder = join(machine.folder, 'root');
  const large = join(machine.folder, 'large.tar');
  for (let index = 0; index * part < megabytes; index += 1) {
    await mkdir(join(folder, String(index)), { recursive: true });
    await run('tar', ['-xf', small.tar, '-C', join(folder, String(index))]);
  }
  await run('tar', ['-cf', large, '-C', folder, '.']);
  await rm(folder, { recursive: true });
  return large;
}

async function measured(name: string, ...args: readonly string[]): Promise<void> {
  writeFileSync(`/proc/${engine}/clear_refs`, '5');
  await heldUp(machine, engine);
  const began = performance.now();
  await machine.ok(['docker', ...args], { timeoutMs: 600_000, env: { DOCKER_BUILDKIT: '0' } });
  const took = performance.now() - began;
  const [growth, longest] = [memory('VmHWM') - idle, await heldUp(machine, engine)];
  lines.push(
    { name: `${name}, ${megabytes} MB`, unit: 'ms', davit: took },
    {
      name: '  memory above idle, peak',
      unit: 'MB',
      davit: growth,
      wanted: { text: `≤ ${wantedMegabytes} MB`, met: growth <= wantedMegabytes },
    },
    { name: '  event loop held up, longest', unit: 'ms', davit: longest, wanted: { text: `≤ ${wantedMs} ms`, met: longest <= wantedMs } },
  );
  await run('sync');
}

function memory(field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${engine}/status`, 'utf8'))?.[1] ?? 0) / 1000;
}
