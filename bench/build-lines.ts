import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Machine } from '../test/support/machine.ts';
import type { Dockerd } from './dockerd.ts';
import { enginePid, heldUp } from './image-lines.ts';
import { median } from './median.ts';
import type { Line } from './table.ts';

const run = promisify(execFile);
const image = 'busybox:bench-build';

/** Builds by the classic builder's protocol, in turns; wants what issue 3 does. */
export async function buildLines(
  machine: Machine,
  dockerd: Dockerd | undefined,
  busyboxTar: string,
  times: number,
): Promise<readonly Line[]> {
  const folder = await mkdtemp('/tmp/dv-bench-build-');
  try {
    const contexts = prepare(folder);
    const hosts = [machine.environment['DOCKER_HOST'] ?? '', ...(dockerd ? [dockerd.host] : [])];
    for (const host of hosts) await docker(host, 'import', busyboxTar, image);
    const engine = await enginePid(machine);
    await heldUp(machine, engine);
    const [cold, cached, many] = [
      await timesOf(hosts, ['--no-cache', contexts.steps], times),
      await timesOf(hosts, [contexts.steps], times),
      await timesOf(hosts, ['--no-cache', contexts.files], times),
    ];
    const longest = await heldUp(machine, engine);
    return [
      line('build: FROM, 3 RUN, COPY, no cache', cold, 'a third of dockerd', 1 / 3),
      line('build: the same, all cached', cached, 'as dockerd', 1),
      line('build: COPY of 10,000 small files', many, 'as dockerd', 1),
      { name: '  event loop held up meanwhile, longest', unit: 'ms', davit: longest, wanted: { text: '≤ 50 ms', met: longest <= 50 } },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function line(name: string, [davit = 0, peer]: readonly number[], text: string, factor: number): Line {
  return { name, unit: 'ms', davit, peer, wanted: peer === undefined ? undefined : { text, met: davit <= peer * factor } };
}

function prepare(folder: string): { readonly steps: string; readonly files: string } {
  const [steps, files] = [`${folder}/steps`, `${folder}/files`];
  mkdirSync(steps);
  writeFileSync(`${steps}/Dockerfile`, `FROM ${image}\nRUN echo 1 > /1\nRUN echo 2 > /2\nRUN echo 3 > /3\nCOPY f /f\n`);
  writeFileSync(`${steps}/f`, 'f');
  for (let index = 0; index < 10_000; index += 1) {
    const directory = `${files}/d/${index % 100}`;
    if (index < 100) mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/${index}`, `file ${index}\n`);
  }
  writeFileSync(`${files}/Dockerfile`, `FROM ${image}\nCOPY d /d\n`);
  return { steps, files };
}

/** Medians, one per host; the first round only warms up. */
async function timesOf(hosts: readonly string[], args: readonly string[], times: number): Promise<readonly number[]> {
  const results = hosts.map((): number[] => []);
  for (let round = -1; round < times; round += 1) {
    for (const [index, host] of hosts.entries()) {
      const began = performance.now();
      await docker(host, 'build', '-q', '-t', 'bench:built', ...args);
      if (round >= 0) results[index]?.push(performance.now() - began);
    }
  }
  return results.map(median);
}

async function docker(host: string, ...args: readonly string[]): Promise<void> {
  await run('docker', args, { env: { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: '0' } });
}
