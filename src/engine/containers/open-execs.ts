import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessSpec } from '../../api/oci/runtime.ts';
import { abortable } from '../../base/abort.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { lazyAttachment } from './attachment.ts';
import { capabilityNames } from '../../kernel/capabilities.ts';
import { mergeEnvironment, processEnvironment } from './environment.ts';
import type { Attachment } from './containers.ts';
import type { Exec, ExecResult, Execs, ExecSpec } from './execs.ts';
import { execFailureCode } from './lifecycle-rules.ts';
import { environmentOf, specHost, type LaunchParts } from './launch.ts';
import type { Lifecycle } from './lifecycle.ts';
import { pathsOf } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { userInside } from './rootfs-files.ts';
import { capabilitiesOf, capabilitySets, rlimitsOf } from './runtime-spec.ts';
import { mayDo } from './state.ts';

/** How long the output of an exec that has ended may still come. */
const lateOutputMs = 1000;

/** How long an exec that has ended is told about (dockerd's figure): clients ask for its exit code after its stream. */
const keepMs = 5 * 60_000;

interface LiveExec {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly directory: string;
  pid: number | undefined;
  exitCode: number | undefined;
  isStarted: boolean;
  endedAt: number | undefined;
  ended: Promise<number> | undefined;
}

export interface ExecRoom extends Execs {
  /** The container is removed. */
  forget(containerId: string): void;
  close(): void;
}

export function openExecs(parts: LaunchParts, registry: Registry, lifecycle: Lifecycle): ExecRoom {
  return new LiveExecs(parts, registry, lifecycle);
}

class LiveExecs implements ExecRoom {
  readonly #parts: LaunchParts;
  readonly #registry: Registry;
  readonly #lifecycle: Lifecycle;
  readonly #execs = new Map<string, LiveExec>();
  readonly #closing = new AbortController();

  constructor(parts: LaunchParts, registry: Registry, lifecycle: Lifecycle) {
    this.#parts = parts;
    this.#registry = registry;
    this.#lifecycle = lifecycle;
  }

  async create(containerReference: string, spec: ExecSpec): Promise<string> {
    const record = this.#registry.find(containerReference);
    mayDo('exec', record);
    this.#parts.kernel.cgroups.expectEntry();
    this.#forgetOld();
    const id = newId();
    const directory = join(pathsOf(this.#parts.config, record.id).execs, id.slice(0, 8));
    this.#execs.set(id, {
      id,
      containerId: record.id,
      spec,
      directory,
      pid: undefined,
      exitCode: undefined,
      isStarted: false,
      endedAt: undefined,
      ended: undefined,
    });
    this.#lifecycle.publish(record, `exec_create: ${commandLine(spec)}`, { execID: id });
    return id;
  }

  async get(id: string): Promise<Exec> {
    return view(this.#find(id));
  }

  async start(id: string, { detach, size: given }: Parameters<Execs['start']>[1]): Promise<Attachment | undefined> {
    const { runtime } = this.#parts.kernel;
    const exec = this.#find(id);
    const size = given ?? exec.spec.consoleSize;
    if (exec.isStarted) throw new KindError('conflict', `exec ${id} has already been started`);
    await this.#begin(exec, exec.spec.tty ?? false);
    if (size && exec.spec.tty) await runtime.resize(exec.directory, size).catch(ignoreGone);
    const streams = await runtime.attach(exec.directory);
    if (!detach) return lazyAttachment(Promise.resolve(streams));
    void drain(streams.output).finally(() => streams[Symbol.dispose]());
    return undefined;
  }

  async resize(id: string, size: { readonly width: number; readonly height: number }): Promise<void> {
    await this.#parts.kernel.runtime.resize(this.#find(id).directory, size);
  }

  async wait(id: string, signal: AbortSignal): Promise<number> {
    const { ended } = this.#find(id);
    if (!ended) throw new KindError('conflict', `exec ${id} has not been started`);
    return abortable(ended, signal);
  }

  async run(
    containerReference: string,
    spec: Parameters<Execs['run']>[1],
    { timeoutMs, maxBytes }: Parameters<Execs['run']>[2],
  ): Promise<ExecResult> {
    const { runtime, processes } = this.#parts.kernel;
    const id = await this.create(containerReference, spec);
    const exec = this.#find(id);
    try {
      await this.#begin(exec, false);
      using streams = await runtime.attach(exec.directory);
      const output = collect(streams.output, maxBytes);
      const inTime = await withinMs(exec.ended ?? Promise.resolve(0), timeoutMs);
      if (!inTime && exec.pid !== undefined && processes.startTime(exec.pid) !== undefined) processes.kill(exec.pid, 9);
      const exitCode = await exec.ended;
      // What it started may hold the output open for ever.
      if (!(await withinMs(output, lateOutputMs))) streams[Symbol.dispose]();
      return { exitCode: exitCode ?? -1, output: await output, timedOut: !inTime };
    } finally {
      this.#execs.delete(id);
      await rm(exec.directory, { recursive: true, force: true });
    }
  }

  forget(containerId: string): void {
    for (const exec of this.#execs.values()) if (exec.containerId === containerId) this.#execs.delete(exec.id);
  }

  #forgetOld(): void {
    const before = Date.now() - keepMs;
    for (const { id, endedAt } of this.#execs.values()) if (endedAt !== undefined && endedAt < before) this.#execs.delete(id);
  }

  close(): void {
    this.#closing.abort();
  }

  #find(id: string): LiveExec {
    const exec = this.#execs.get(id);
    if (!exec) throw new KindError('notFound', `No such exec instance: ${id}`);
    return exec;
  }

  async #begin(exec: LiveExec, tty: boolean): Promise<void> {
    const { runtime } = this.#parts.kernel;
    const record = this.#registry.find(exec.containerId);
    mayDo('exec', record);
    this.#parts.kernel.cgroups.expectEntry();
    exec.isStarted = true;
    try {
      const env = await environmentOf(this.#parts, record);
      const process = renderExec(this.#parts, { ...record, env }, exec.spec);
      const { pid } = await runtime.exec({
        id: record.id,
        execId: exec.id,
        directory: exec.directory,
        process,
        terminal: tty,
        stdin: exec.spec.openStdin ?? false,
      });
      exec.pid = pid;
    } catch (error) {
      exec.exitCode = execFailureCode(messageOf(error));
      exec.endedAt = Date.now();
      exec.ended = Promise.resolve(exec.exitCode);
      throw error;
    }
    exec.ended = runtime.exited(exec.directory, this.#closing.signal).then(({ code }) => {
      exec.exitCode = code;
      exec.endedAt = Date.now();
      exec.pid = undefined;
      this.#lifecycle.publish(record, 'exec_die', { execID: exec.id, exitCode: String(code) });
      return code;
    });
    exec.ended.catch(() => undefined);
    this.#lifecycle.publish(record, `exec_start: ${commandLine(exec.spec)}`, { execID: exec.id });
  }
}

/** As dockerd tells it: the program, a space, the arguments. */
function commandLine({ command: [program = '', ...args] }: ExecSpec): string {
  return `${program} ${args.join(' ')}`;
}

function view(exec: LiveExec): Exec {
  return {
    id: exec.id,
    containerId: exec.containerId,
    spec: exec.spec,
    pid: exec.pid,
    isRunning: exec.isStarted && exec.exitCode === undefined,
    exitCode: exec.exitCode,
  };
}

function renderExec(parts: LaunchParts, record: ContainerRecord, spec: ExecSpec): ProcessSpec {
  const { rootfs } = pathsOf(parts.config, record.id);
  const user = userInside(rootfs, spec.user || record.user, spec.user ? [] : (record.spec.groupAdd ?? []));
  const host = specHost(parts);
  const capabilities = spec.privileged
    ? capabilityNames.filter((name) => host.boundingCapabilities.has(name))
    : capabilitiesOf(record.spec, host);
  const env = processEnvironment(record.env, { hostname: record.hostname, tty: spec.tty ?? false, home: user.home });
  return {
    terminal: spec.tty ?? false,
    user: { uid: user.uid, gid: user.gid, ...(user.additionalGids.length > 0 && { additionalGids: user.additionalGids }) },
    args: spec.command,
    env: mergeEnvironment(env, spec.env ?? []),
    cwd: spec.workingDirectory || record.workingDirectory || '/',
    capabilities: capabilitySets(capabilities, user),
    ...(record.spec.noNewPrivileges && { noNewPrivileges: true }),
    ...rlimitsOf(record.spec),
  };
}

async function drain(output: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of output);
}

async function collect(output: AsyncIterable<{ readonly data: Buffer }>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const { data } of output) {
    if (bytes < maxBytes) chunks.push(data.subarray(0, maxBytes - bytes));
    bytes += data.length;
  }
  return Buffer.concat(chunks).toString();
}

async function withinMs(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function ignoreGone(error: unknown): void {
  if (!isKind(error, 'notFound')) throw error;
}
