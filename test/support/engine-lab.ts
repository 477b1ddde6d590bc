import { closeSync, createReadStream, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { silentLog, type Log } from '../../src/base/log.ts';
import type { ContainerSpec } from '../../src/engine/containers/container.ts';
import { openEngine, type OpenedEngine } from '../../src/engine/open.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { native } from '../../src/kernel/native.ts';
import type { Store } from '../../src/store/store.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { busyboxTar } from './images.ts';

const newNetwork = 0x4000_0000;

/**
 * An engine with the image `busybox` on a host of its own: this thread moves into a fresh network namespace,
 * and everything it starts with it. Disposing removes every trace.
 */
export class EngineLab implements AsyncDisposable {
  readonly folder: string;
  readonly kernel: Kernel;
  readonly store: Store = memoryStore();
  readonly signal = new AbortController().signal;
  engine: OpenedEngine;
  readonly #home: number;
  readonly #log: Log;

  private constructor(folder: string, kernel: Kernel, engine: OpenedEngine, home: number, store: Store, log: Log) {
    this.folder = folder;
    this.kernel = kernel;
    this.engine = engine;
    this.#home = home;
    this.store = store;
    this.#log = log;
  }

  static async open(name: string, log: Log = silentLog): Promise<EngineLab> {
    const folder = mkdtempSync(`/tmp/dv-${name}-`);
    const home = openSync('/proc/thread-self/ns/net', 'r');
    const kernel = await openKernel({ runtimeRoot: join(folder, 'runc') });
    kernel.namespaces.create({ net: join(folder, 'host') });
    enter(join(folder, 'host'));
    const store = memoryStore();
    const lab = new EngineLab(folder, kernel, await open(kernel, store, folder, log), home, store, log);
    await lab.engine.images.import(createReadStream(await busyboxTar()).pipe(new PassThrough()), {
      reference: 'busybox',
      changes: ['CMD ["sh"]', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin'],
    });
    return lab;
  }

  /** As a restart of davit: the containers stay. */
  async reopen(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
    await meanwhile();
    this.engine = await open(this.kernel, this.store, this.folder, this.#log);
  }

  /** Runs a container to its end. */
  async run(command: string, spec: Partial<ContainerSpec> = {}): Promise<{ readonly exitCode: number; readonly output: string }> {
    const { containers } = this.engine;
    const { container } = await containers.create({ image: 'busybox', command: ['sh', '-c', command], ...spec });
    const attachment = await containers.attach(container.id, { stdin: false });
    const ended = containers.wait(container.id, 'next-exit', this.signal);
    try {
      await containers.start(container.id);
      const chunks = await Array.fromAsync(attachment.output, ({ data }) => data);
      return { exitCode: (await ended).exitCode, output: Buffer.concat(chunks).toString() };
    } finally {
      await containers.remove(container.id, { force: true, volumes: true });
    }
  }

  /** Starts a container that goes on. */
  async start(name: string, command: string, spec: Partial<ContainerSpec> = {}): Promise<string> {
    const { container } = await this.engine.containers.create({ image: 'busybox', name, command: ['sh', '-c', command], ...spec });
    await this.engine.containers.start(name);
    return container.id;
  }

  async exec(name: string, command: string): Promise<{ readonly exitCode: number; readonly output: string }> {
    return this.engine.execs.run(name, { command: ['sh', '-c', command] }, { timeoutMs: 10_000, maxBytes: 100_000 });
  }

  async logs(name: string): Promise<string> {
    const lines = await Array.fromAsync(this.engine.containers.logs(name, { follow: false, stdout: true, stderr: true }, this.signal));
    return lines.map(({ data }) => data.toString()).join('');
  }

  /** What runs of containers left on the host: bundles, pinned namespaces, mounts, links of containers. */
  leftovers(): readonly string[] {
    const folders = ['run/c', 'run/n', 'run/p', 'data/containers'].flatMap((name) =>
      list(join(this.folder, name)).map((each) => `${name}/${each}`),
    );
    const mounts = this.kernel.mounts.list().filter(({ target }) => target.startsWith(`${this.folder}/run/`));
    const links = this.kernel.links.list().filter(({ kind }) => kind === 'veth');
    return [...folders, ...mounts.map(({ target }) => target), ...links.map(({ name }) => name)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.engine.destroy();
    } finally {
      await this.kernel[Symbol.asyncDispose]();
      enter(`/proc/self/fd/${this.#home}`);
      closeSync(this.#home);
      this.kernel.namespaces.remove(join(this.folder, 'host'));
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

function open(kernel: Kernel, store: Store, folder: string, log: Log): Promise<OpenedEngine> {
  const config = {
    dataRoot: join(folder, 'data'),
    runRoot: join(folder, 'run'),
    cgroupParent: `/${folder.split('/').at(-1)}`,
    bridgeName: 'docker0',
    bridgeAddress: '172.17.0.1/16',
    hostName: 'lab',
  };
  return openEngine({ kernel, store, config, log });
}

function enter(path: string): void {
  const fd = openSync(path, 'r');
  const result = native.setns(fd, newNetwork);
  closeSync(fd);
  if (result !== 0) throw new Error(`cannot enter ${path}`);
}

function list(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
