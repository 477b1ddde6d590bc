import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from './machine.ts';
import { hasPeer, peerProgram } from './peers.ts';

/** What podman, buildah and skopeo are run for here. */
export type ContainersProgram = 'podman' | 'buildah' | 'skopeo';

/** Why they cannot be run; false when they can. */
export const noPodman = (['podman', 'buildah', 'skopeo'] as const).every(hasPeer)
  ? false
  : 'podman, buildah or skopeo is not unpacked (bash tools/peers.sh podman buildah skopeo)';

/**
 * podman, buildah and skopeo on a machine, with configuration and storage of their own. Nothing of them runs on: there is no daemon.
 * Containers are run by the machine's runc in the machine's network.
 */
export class Podman implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #folder: string;
  readonly #cgroup: string;

  private constructor(machine: Machine, cgroup: string) {
    this.#machine = machine;
    this.#folder = join(machine.folder, 'podman');
    this.#cgroup = cgroup;
  }

  /** `cgroup`: parent of its containers' control groups, `/davit-peer`. Registries in `insecure` are spoken to over plain HTTP. */
  static async create(machine: Machine, cgroup: string, insecure: readonly string[]): Promise<Podman> {
    const self = new Podman(machine, cgroup);
    const { env, path } = peerProgram('podman');
    const config = join(self.#folder, '.config/containers');
    await mkdir(config, { recursive: true });
    const seccomp = path.replace(/usr\/bin\/podman$/, 'usr/share/containers/seccomp.json');
    const libraries = `LD_LIBRARY_PATH=${env['LD_LIBRARY_PATH']}`;
    // By themselves they ask for a million of both, which is refused where the suite may have fewer; buildah first lowers its own to 32,768.
    const limits = await readFile('/proc/self/limits', 'utf8');
    const most = (row: string): number => Math.min(32_768, Number(new RegExp(`^${row} +\\S+ +(\\d+)`, 'm').exec(limits)?.[1] ?? Infinity));
    const ulimits = Object.entries({ nofile: most('Max open files'), nproc: most('Max processes') }).map(
      ([name, n]) => `"${name}=${n}:${n}"`,
    );
    const files: Readonly<Record<string, string>> = {
      'config.json': '{}',
      'policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}',
      'registries.conf': insecure.map((location) => `[[registry]]\nlocation="${location}"\ninsecure=true\n`).join(''),
      'storage.conf': `[storage]\ndriver="overlay"\ngraphroot="${self.#folder}/root"\nrunroot="${self.#folder}/run"\n`,
      // conmon starts podman again when a container has ended: without its libraries everybody would wait for that in vain.
      'containers.conf': `[containers]\nseccomp_profile="${seccomp}"\nnetns="host"\ndefault_ulimits=[${ulimits.join()}]\n[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="none"\ntmp_dir="${self.#folder}/tmp"\nconmon_env_vars=["PATH=/usr/sbin:/usr/bin:/sbin:/bin","${libraries}"]\n`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(config, name), text);
    return self;
  }

  /** For the commands that look for it in /etc alone. */
  get policy(): string {
    return join(this.#folder, '.config/containers/policy.json');
  }

  /** Standard output of a command that must succeed. */
  run(program: ContainersProgram, ...args: readonly string[]): Promise<string> {
    const { path, env } = peerProgram(program);
    const config = join(this.#folder, '.config/containers');
    return this.#machine.ok([path, ...args], {
      timeoutMs: 120_000,
      env: {
        LD_LIBRARY_PATH: env['LD_LIBRARY_PATH'] ?? '',
        HOME: this.#folder,
        DOCKER_CONFIG: config,
        CONTAINERS_CONF: join(config, 'containers.conf'),
        CONTAINERS_STORAGE_CONF: join(config, 'storage.conf'),
        CONTAINERS_REGISTRIES_CONF: join(config, 'registries.conf'),
      },
    });
  }

  /** `podman run` of an image. */
  container(...args: readonly string[]): Promise<string> {
    return this.run('podman', 'run', '--cgroup-parent', this.#cgroup, '--rm', ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('podman', 'rm', '--force', '--all');
    // Bound to itself by the storage library, which leaves that.
    await this.#machine.run(['umount', join(this.#folder, 'root/overlay')]);
    await this.#machine.run([
      'sh',
      '-c',
      `find /sys/fs/cgroup -maxdepth 3 -depth -type d -path "*${this.#cgroup}*" -exec rmdir {} + 2>/dev/null`,
    ]);
  }
}
