import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { median } from './median.ts';

const run = promisify(execFile);

export interface ImageTimes {
  readonly save: number;
  readonly load: number;
  readonly pull: number;
}

export interface ImageHost {
  readonly host: string;
  /** Name of the image in a registry that this host reaches as insecure. */
  readonly remote: string;
}

/** Medians of `docker save`, `load` and `pull` of the root file system in `tar`, in turns. */
export async function imageTimes(hosts: readonly ImageHost[], tar: string, times: number): Promise<readonly ImageTimes[]> {
  const folder = await mkdtemp('/tmp/dv-bench-images-');
  try {
    const results = hosts.map(() => ({ save: [] as number[], load: [] as number[], pull: [] as number[] }));
    for (const { host, remote } of hosts) {
      await docker(host, 'import', tar, 'rootfs:bench');
      await docker(host, 'tag', 'rootfs:bench', remote);
      await docker(host, 'push', remote);
    }
    for (let round = 0; round < times; round += 1) {
      for (const [index, { host, remote }] of hosts.entries()) {
        const archive = join(folder, `${index}.tar`);
        results[index]?.save.push(await timed(() => docker(host, 'save', '-o', archive, 'rootfs:bench')));
        await docker(host, 'rmi', '-f', 'rootfs:bench', remote);
        await run('sync');
        results[index]?.load.push(await timed(() => docker(host, 'load', '-i', archive)));
        await docker(host, 'rmi', '-f', 'rootfs:bench');
        await run('sync');
        results[index]?.pull.push(await timed(() => docker(host, 'pull', '-q', remote)));
        await docker(host, 'tag', remote, 'rootfs:bench');
        await rm(archive);
      }
    }
    return results.map(({ save, load, pull }) => ({ save: median(save), load: median(load), pull: median(pull) }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A tar of about 200 MB of this machine's programs and data, as a root file system has them. */
export async function rootFileSystem(megabytes: number): Promise<{ readonly tar: string } & AsyncDisposable> {
  const folder = await mkdtemp('/tmp/dv-bench-root-');
  const tar = join(folder, 'root.tar');
  const script = `find usr/bin usr/lib/python3* usr/share -xdev -type f -size -4000k ! -name '* *' ! -path '* *' -printf '%s %p\\n' | sort -k2 | awk '{ s += $1 + 512; if (s > ${megabytes} * 1000000) exit; print $2 }' | tar -cf ${tar} --no-recursion -T -`;
  await run('bash', ['-c', script], { cwd: '/' });
  if ((await stat(tar)).size < megabytes * 900_000) throw new Error('this machine has too few files for the benchmark');
  return { tar, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function docker(host: string, ...args: string[]): Promise<string> {
  return (await run('docker', args, { env: { ...process.env, DOCKER_HOST: host }, maxBuffer: 16 << 20 })).stdout.trim();
}
