import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const image = 'busybox:bench';

/** Milliseconds of each `docker run`, one list per host. In turns, so that a busy moment hits all alike. */
export async function dockerRuns(hosts: readonly string[], busyboxTar: string, times: number): Promise<readonly (readonly number[])[]> {
  const results = hosts.map((): number[] => []);
  for (const host of hosts) await docker(host, 'import', busyboxTar, image);
  for (let round = -1; round < times; round += 1) {
    for (const [index, host] of hosts.entries()) {
      const began = performance.now();
      await docker(host, 'run', '--rm', image, '/bin/true');
      if (round >= 0) results[index]?.push(performance.now() - began);
    }
  }
  for (const host of hosts) await docker(host, 'rmi', image);
  return results;
}

async function docker(host: string, ...args: readonly string[]): Promise<void> {
  await run('docker', args, { env: { ...process.env, DOCKER_HOST: host } });
}

/** The floor: the same program by `runc run` alone. */
export async function bareRunc(busyboxTar: string, times: number): Promise<readonly number[]> {
  const folder = await mkdtemp('/tmp/dv-bench-runc-');
  try {
    await run('sh', ['-c', 'mkdir rootfs && tar -xf "$1" -C rootfs && runc spec', 'sh', busyboxTar], { cwd: folder });
    const spec = (await run('cat', ['config.json'], { cwd: folder })).stdout;
    const quiet = { ...(JSON.parse(spec) as Record<string, unknown>) };
    const process = quiet['process'] as Record<string, unknown>;
    // This machine may not be allowed to raise limits.
    quiet['process'] = { ...process, terminal: false, args: ['/bin/true'], rlimits: [] };
    await writeFile(`${folder}/config.json`, JSON.stringify(quiet));
    const results: number[] = [];
    for (let round = 0; round < times; round += 1) {
      const began = performance.now();
      await run('runc', ['--root', `${folder}/state`, 'run', `bench-${round}`], { cwd: folder });
      results.push(performance.now() - began);
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
