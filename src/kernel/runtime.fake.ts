import { abortable } from '../base/abort.ts';
import { KindError } from '../base/errors.ts';
import { Pushable } from '../base/pushable.ts';
import type { ProcessSpec } from '../api/oci/runtime.ts';
import type { FakeProcesses } from './processes.fake.ts';
import type { Runtime, RuntimeExit, RuntimeState, RuntimeStreams } from './runtime.ts';

type Output = { readonly stream: 'stdout' | 'stderr'; readonly data: Buffer };

/** One supervised process: a container's first or an exec's. */
export interface FakeSupervised {
  readonly id: string;
  readonly directory: string;
  readonly pid: number;
  /** What was written to it so far, and whether its input was closed. */
  readonly input: string;
  readonly isInputClosed: boolean;
  readonly size: { readonly width: number; readonly height: number } | undefined;
  emit(text: string, stream?: 'stdout' | 'stderr'): void;
  /** Ends it: exit file, streams, process. */
  finish(code: number, options?: { readonly oomKilled?: boolean }): void;
}

export interface FakeRuntime extends Runtime {
  /** The supervised process of a directory, ended ones included. */
  supervised(directory: string): FakeSupervised;
  /** Plays an exec's program; by default it exits with 0. */
  onExec(body: (process: ProcessSpec, exec: FakeSupervised) => void): void;
  /** Plays a container's program once it is started; by default it runs until it is killed. */
  onStart(body: (container: FakeSupervised) => void): void;
  /** The next create fails with this. */
  failNextCreate(error: Error): void;
}

class Supervised implements FakeSupervised {
  readonly id: string;
  readonly directory: string;
  readonly pid: number;
  readonly exited: Promise<RuntimeExit>;
  readonly #processes: FakeProcesses;
  readonly #outputs = new Set<Pushable<Output>>();
  readonly #resolve: (exit: RuntimeExit) => void;
  /** Output before anybody attached: an exec's first reader gets it. */
  #early: Output[] | undefined;
  input = '';
  isInputClosed = false;
  size: { readonly width: number; readonly height: number } | undefined;
  exit: RuntimeExit | undefined;

  constructor(id: string, directory: string, processes: FakeProcesses, keepsEarlyOutput: boolean) {
    this.id = id;
    this.directory = directory;
    this.pid = processes.begin();
    this.#processes = processes;
    this.#early = keepsEarlyOutput ? [] : undefined;
    const { promise, resolve } = Promise.withResolvers<RuntimeExit>();
    this.exited = promise;
    this.#resolve = resolve;
  }

  emit(text: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    const output = { stream, data: Buffer.from(text) };
    this.#early?.push(output);
    for (const queue of this.#outputs) queue.push(output);
  }

  finish(code: number, options: { readonly oomKilled?: boolean } = {}): void {
    if (this.exit) return;
    this.exit = { code, at: new Date(), oomKilled: options.oomKilled === true };
    for (const queue of this.#outputs) queue.end();
    this.#processes.end(this.pid);
    this.#resolve(this.exit);
  }

  attach(): RuntimeStreams {
    if (this.exit && !this.#early) throw new KindError('notFound', 'cannot attach: it is not running');
    const queue = new Pushable<Output>();
    for (const output of this.#early ?? []) queue.push(output);
    this.#early = undefined;
    if (this.exit) queue.end();
    this.#outputs.add(queue);
    return {
      output: queue,
      write: async (data) => {
        if (!this.isInputClosed) this.input += Buffer.from(data).toString();
      },
      endInput: () => {
        this.isInputClosed = true;
      },
      [Symbol.dispose]: () => {
        this.#outputs.delete(queue);
        queue.end();
      },
    };
  }
}

interface Container {
  readonly process: Supervised;
  status: 'created' | 'running' | 'paused';
}

export function fakeRuntime(processes: FakeProcesses): FakeRuntime {
  const world: World = {
    processes,
    containers: new Map(),
    supervised: new Map(),
    playExec: (_, exec) => exec.finish(0),
    playStart: () => undefined,
  };
  return { ...lifecycle(world), ...streams(world), ...controls(world) };
}

interface World {
  readonly processes: FakeProcesses;
  readonly containers: Map<string, Container>;
  readonly supervised: Map<string, Supervised>;
  playExec: (process: ProcessSpec, exec: FakeSupervised) => void;
  playStart: (container: FakeSupervised) => void;
  nextFailure?: Error;
}

type Lifecycle = Pick<Runtime, 'version' | 'create' | 'start' | 'kill' | 'delete' | 'abandon' | 'pause' | 'resume' | 'update' | 'state'>;

function lifecycle(world: World): Lifecycle {
  const { containers, processes, supervised } = world;
  return {
    version: async () => 'fake 1.0',

    async create({ id, directory }, signal) {
      if (signal?.aborted === true) throw new KindError('canceled', 'operation canceled');
      const failure = world.nextFailure;
      delete world.nextFailure;
      if (failure) throw failure;
      if (containers.has(id)) throw new KindError('alreadyExists', `OCI runtime create failed: container with given ID already exists`);
      const process = new Supervised(id, directory, processes, false);
      containers.set(id, { process, status: 'created' });
      supervised.set(directory, process);
      processes.onKill(process.pid, (number) => (isDeadly(number) ? process.finish(128 + number) : undefined));
      return { pid: process.pid };
    },

    async start(id) {
      const container = get(world, id);
      if (container.status !== 'created')
        throw new KindError('conflict', `OCI runtime start failed: cannot start an already running container`);
      container.status = 'running';
      world.playStart(container.process);
    },

    async kill(id, signal) {
      const { process } = get(world, id);
      if (process.exit) throw new KindError('notFound', `kill container ${id}: container not running`);
      processes.kill(process.pid, signal);
    },

    async delete(id, { force = false } = {}) {
      const container = containers.get(id);
      if (!container) return;
      if (!container.process.exit && !force)
        throw new KindError('internal', `delete container ${id}: cannot delete container that is not stopped`);
      container.process.finish(137);
      containers.delete(id);
    },

    async abandon(id) {
      containers.get(id)?.process.finish(137);
      containers.delete(id);
    },

    async pause(id) {
      get(world, id).status = 'paused';
    },

    async resume(id) {
      get(world, id).status = 'running';
    },

    async update(id) {
      get(world, id);
    },

    async state(id): Promise<RuntimeState | undefined> {
      const container = containers.get(id);
      if (!container) return undefined;
      return container.process.exit ? { status: 'stopped', pid: 0 } : { status: container.status, pid: container.process.pid };
    },
  };
}

type Streams = Pick<Runtime, 'exec' | 'attach' | 'resize' | 'reopenLog' | 'exitOf' | 'exited'>;

function streams(world: World): Streams {
  const { supervised, processes } = world;
  return {
    async exec({ id, directory, process: spec }, signal) {
      if (signal?.aborted === true) throw new KindError('canceled', 'operation canceled');
      if (get(world, id).process.exit)
        throw new KindError('conflict', 'OCI runtime exec failed: exec failed: cannot exec in a stopped container');
      const exec = new Supervised(id, directory, processes, true);
      supervised.set(directory, exec);
      processes.onKill(exec.pid, (number) => (isDeadly(number) ? exec.finish(128 + number) : undefined));
      world.playExec(spec, exec);
      return { pid: exec.pid };
    },

    async attach(directory) {
      return find(world, directory).attach();
    },

    async resize(directory, size) {
      const process = find(world, directory);
      if (process.exit) throw new KindError('notFound', 'cannot resize: it is not running');
      process.size = size;
    },

    reopenLog(directory) {
      if (find(world, directory).exit) throw new KindError('notFound', 'cannot reopen the log: it is not running');
    },

    exitOf: (directory) => supervised.get(directory)?.exit,

    async exited(directory, signal) {
      const { exited } = find(world, directory);
      return signal === undefined ? exited : abortable(exited, signal);
    },
  };
}

function controls(world: World): Omit<FakeRuntime, keyof Runtime> {
  return {
    supervised: (directory) => find(world, directory),
    onExec: (body) => void (world.playExec = body),
    onStart: (body) => void (world.playStart = body),
    failNextCreate: (error) => void (world.nextFailure = error),
  };
}

function get(world: World, id: string): Container {
  const container = world.containers.get(id);
  if (!container) throw new KindError('notFound', `container ${id}: container does not exist`);
  return container;
}

function find(world: World, directory: string): Supervised {
  const process = world.supervised.get(directory);
  if (!process) throw new KindError('notFound', `nothing was ever started in ${directory}`);
  return process;
}

/** HUP, INT, KILL, TERM: what ends a program that handles nothing. */
function isDeadly(signal: number): boolean {
  return [1, 2, 9, 15].includes(signal);
}
