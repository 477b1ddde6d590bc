import { once } from 'node:events';
import type { spawn } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CheckedSocket } from './checked-socket.ts';
import { noReference } from './docker-reference.ts';
import { busyboxTar } from './images.ts';
import { eventually } from './eventually.ts';
import { Machine, type Result } from './machine.ts';

const davit = fileURLToPath(new URL('../../bin/davit', import.meta.url));

/** A machine that runs `davit engine` alone, with the image busybox:test, driven by the real docker client. */
export class DockerMachine implements AsyncDisposable {
  readonly machine: Machine;
  readonly #cgroupParent: string;
  readonly #engineFlags: readonly string[];
  #engine: ReturnType<typeof spawn> | undefined;
  #checked: CheckedSocket | undefined;

  private constructor(machine: Machine, cgroupParent: string, engineFlags: readonly string[]) {
    this.machine = machine;
    this.#cgroupParent = cgroupParent;
    this.#engineFlags = engineFlags;
  }

  /** `number`: 1–250, different for every test file. `engineFlags` of `davit engine`, by the machine's folder. */
  static async create(name: string, number: number, engineFlags: (folder: string) => readonly string[] = () => []): Promise<DockerMachine> {
    await using undo = new AsyncDisposableStack();
    const machine = await Machine.create(name, number);
    const self = undo.use(new DockerMachine(machine, `/davit-${name}`, engineFlags(machine.folder)));
    await self.machine.ok(['true']); // makes the network namespace, before two commands at once would
    await self.#checkAnswers();
    await self.startEngine();
    await self.sh(`docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin' ${await busyboxTar()} busybox:test`);
    undo.move();
    return self;
  }

  get folder(): string {
    return this.machine.folder;
  }

  /** The engine's own socket: answers on it are not checked, which takes time. */
  get engineSocket(): string {
    return join(this.folder, 'run/docker.sock');
  }

  /** The engine's process, to be killed by tests. */
  get enginePid(): number {
    return this.#engine?.pid ?? 0;
  }

  async startEngine(): Promise<void> {
    const engine = this.machine.start([
      davit,
      'engine',
      '--cgroup-parent',
      this.#cgroupParent,
      '--node-name',
      'node-1',
      ...this.#engineFlags,
    ]);
    this.#engine = engine;
    let said = '';
    for (const stream of [engine.stdout, engine.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await eventually(
      async () => {
        if (engine.exitCode !== null) throw new Error(`davit engine ended with ${engine.exitCode}\n${said}`);
        await this.docker('version');
      },
      { withinMs: 20_000 },
    );
  }

  /** All answers that clients of this machine get are held against Docker's description, where that is at hand. */
  async #checkAnswers(): Promise<void> {
    if (noReference) return;
    const { machine } = this;
    const checked = join(machine.folder, 'checked.sock');
    this.#checked = await CheckedSocket.listen(checked, machine.dockerSocket);
    machine.dockerSocket = checked;
  }

  /** Ends the engine and waits until it is gone. */
  async stopEngine(signal: NodeJS.Signals): Promise<void> {
    const engine = this.#engine;
    if (!engine || engine.exitCode !== null || engine.signalCode !== null) return;
    const ended = once(engine, 'exit');
    engine.kill(signal);
    await ended;
  }

  /** Standard output of a docker command that must succeed. */
  docker(...args: readonly string[]): Promise<string> {
    return this.machine.docker(...args);
  }

  /** A docker command whatever comes of it. */
  try(...args: readonly string[]): Promise<Result> {
    return this.machine.run(['docker', ...args]);
  }

  /** Standard output of a shell line that must succeed. */
  sh(line: string, input?: string): Promise<string> {
    return this.machine.ok(['sh', '-c', line], input === undefined ? {} : { input });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopEngine('SIGTERM');
    await this.machine.ok([davit, 'down', '--purge', '--cgroup-parent', this.#cgroupParent]);
    await this.machine[Symbol.asyncDispose]();
    await this.#checked?.[Symbol.asyncDispose]();
    const left = await leftOvers(this.folder, this.#cgroupParent);
    if (left.length > 0) throw new Error(`davit left on the host:\n${left.join('\n')}`);
  }
}

/** Mounts, control groups and processes that a davit with these roots should have taken away. */
async function leftOvers(folder: string, cgroupParent: string): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').filter((line) => line.includes(folder));
  const groups = await Array.fromAsync(glob([`/sys/fs/cgroup${cgroupParent}`, `/sys/fs/cgroup/*${cgroupParent}`]));
  const commands = await Promise.all(
    (await Array.fromAsync(glob('/proc/[0-9]*/cmdline'))).map(async (file) => readFile(file, 'utf8').catch(() => '')),
  );
  return [...mounts, ...groups, ...commands.filter((command) => command.includes(folder))];
}
