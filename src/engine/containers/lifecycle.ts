import { existsSync } from 'node:fs';
import { delay as pause } from '../../base/abort.ts';
import { messageOf } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log.ts';
import type { RuntimeExit, RuntimeStreams } from '../../kernel/runtime.ts';
import type { Events } from '../events/events.ts';
import { lazyAttachment } from './attachment.ts';
import type { Attachment, Containers } from './containers.ts';
import { cgroupOf, launch, release, teardown, type LaunchParts } from './launch.ts';
import { healthAtStart, ignoreNotFound, isEverRestarted, oomKills, sharesPids, startFailureCode, within } from './lifecycle-rules.ts';
import { killed, tellJoined, tellLeft } from './membership-events.ts';
import { pathsOf } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { notePaused } from './note-paused.ts';
import { failuresAfter, restartDelay } from './restart-policy.ts';
import { signalNumber } from './signals.ts';
import { mayDo } from './state.ts';
import { takeAwayFiles, takeAwayVolumes } from './take-away.ts';
import { Waiters } from './waiters.ts';

export interface LifecycleParts extends LaunchParts {
  readonly events: Events;
  readonly log: Log;
  /** Told after each start (also of adopted ones), each end and the removal: health checks and execs hang here. */
  readonly onStarted: (record: ContainerRecord) => void;
  readonly onEnded: (id: string) => void;
  readonly onRemoved: (id: string) => void;
}

const removeAgainMs = 3000;

/** Starts, ends and everything between. One holder per container at a time; exits come in by event. */
export class Lifecycle {
  readonly waiters = new Waiters();
  readonly #parts: LifecycleParts;
  readonly #mutex = new KeyedMutex();
  readonly #closing = new AbortController();
  readonly #attachers = new Map<string, PromiseWithResolvers<RuntimeStreams | undefined>[]>();
  readonly #restarts = new Map<string, NodeJS.Timeout>();
  readonly #quickExits = new Map<string, number>();
  readonly #busy = new Set<Promise<void>>();
  /** The runtime's own clean-up of a run that has ended: nobody waits for it but the next start. */
  readonly #deletions = new Map<string, Promise<void>>();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** Runs alone among everything that changes this container. */
  exclusive<T>(id: string, run: () => Promise<T>): Promise<T> {
    return this.#mutex.run(id, run);
  }

  async start(reference: string): Promise<boolean> {
    const { id } = this.#parts.registry.find(reference);
    return this.#mutex.run(id, async () => {
      const record = this.#parts.registry.find(id);
      if (!mayDo('start', record)) return false;
      this.#quickExits.delete(id);
      await this.#launch(record, { restartCount: 0 });
      return true;
    });
  }

  async stop(reference: string, options: { readonly timeoutSeconds?: number; readonly signal?: string } = {}): Promise<boolean> {
    const { registry, kernel, log } = this.#parts;
    const found = registry.find(reference);
    if (!mayDo('stop', found)) return false;
    const timeoutSeconds = options.timeoutSeconds ?? found.spec.stopTimeoutSeconds ?? 10;
    const number = signalNumber(options.signal ?? found.stopSignal);
    const ended = this.waiters.wait(found.id, 'next-exit', this.#closing.signal);
    ended.catch(() => undefined);
    const isUp = await this.#mutex.run(found.id, async () => {
      this.#cancelRestart(found.id);
      await registry.note(found.id, { stoppedByUser: true, isRestarting: false });
      const record = registry.byId(found.id);
      if (record?.pid === undefined) return false;
      await this.#signal(record, number);
      this.publish(record, 'kill', { signal: String(number) });
      if (record.pausedAt) await kernel.runtime.resume(record.id);
      return true;
    });
    if (isUp && !(await within(ended, timeoutSeconds))) {
      log.debug({ container: found.id, timeoutSeconds }, 'did not stop in time, killing');
      await this.#mutex.run(found.id, async () => {
        await kernel.runtime.kill(found.id, 9, { all: true }).catch(ignoreNotFound);
        this.publish(found, 'kill', { signal: '9' });
      });
      await ended;
    }
    if (!isUp) this.waiters.notify(found.id, ['not-running', 'next-exit'], { exitCode: found.exitCode ?? 0 });
    this.publish(found, 'stop');
    return true;
  }

  async kill(reference: string, signal: string): Promise<void> {
    const { registry, kernel } = this.#parts;
    const record = registry.find(reference);
    mayDo('kill', record);
    const number = signalNumber(signal);
    const ends = number === 9 || number === 15 || number === signalNumber(record.stopSignal);
    const ended = this.waiters.wait(record.id, 'next-exit', this.#closing.signal);
    ended.catch(() => undefined);
    await this.#mutex.run(record.id, async () => {
      if (ends) await registry.note(record.id, { stoppedByUser: true });
      if (record.pid !== undefined) await this.#signal(record, number);
      else this.#cancelRestart(record.id);
      if (number === 9 && record.pausedAt) await kernel.runtime.resume(record.id).catch(ignoreNotFound);
      this.publish(record, 'kill', { signal: String(number) });
    });
    if (number === 9 && record.pid !== undefined) await within(ended, 10);
  }

  pause(reference: string): Promise<void> {
    return this.#freeze(reference, 'pause');
  }

  unpause(reference: string): Promise<void> {
    return this.#freeze(reference, 'unpause');
  }

  async remove(reference: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void> {
    const { id } = this.#parts.registry.find(reference);
    await this.#mutex.run(id, async () => {
      const record = this.#parts.registry.byId(id);
      if (!record) return;
      mayDo(options.force ? 'forceRemove' : 'remove', record);
      await this.#removeLocked(record, options.volumes);
    });
  }

  wait(reference: string, condition: 'not-running' | 'next-exit' | 'removed', signal: AbortSignal): ReturnType<Containers['wait']> {
    const record = this.#parts.registry.find(reference);
    const isUp = record.pid !== undefined || record.isRestarting;
    if (condition === 'not-running' && !isUp && !record.isRemoving)
      return Promise.resolve({ exitCode: record.exitCode ?? 0, ...(record.error && { error: record.error }) });
    return this.waiters.wait(record.id, condition, signal);
  }

  async attach(reference: string): Promise<Attachment> {
    const { registry, kernel, config } = this.#parts;
    const record = registry.find(reference);
    mayDo('attach', record);
    this.publish(record, 'attach');
    if (record.pid !== undefined)
      return lazyAttachment(Promise.resolve(await kernel.runtime.attach(pathsOf(config, record.id).supervision)));
    const pending = Promise.withResolvers<RuntimeStreams | undefined>();
    this.#attachers.set(record.id, [...(this.#attachers.get(record.id) ?? []), pending]);
    return lazyAttachment(pending.promise);
  }

  /** A record as found at start-up, compared with the kernel's facts: still running, ended meanwhile, half removed, or waiting for its restart. */
  async reload(record: ContainerRecord): Promise<void> {
    const { registry, kernel, config, network } = this.#parts;
    if (record.isRemoving) return this.#mutex.run(record.id, () => this.#removeLocked(record, false));
    const { supervision, netns } = pathsOf(config, record.id);
    const exit = kernel.runtime.exitOf(supervision);
    if (record.pid === undefined) {
      // Killed in the middle of a start or of the clean-up after an end.
      if (!exit && existsSync(supervision)) await kernel.runtime.abandon(record.id, supervision);
      await teardown(this.#parts, record);
      if (record.isRestarting || (isEverRestarted(record) && !record.stoppedByUser && record.startedAt))
        this.#scheduleRestart(record.id, 0);
      return undefined;
    }
    const isSame = kernel.processes.startTime(record.pid) === record.pidStartTime;
    if (exit || !isSame) return this.#mutex.run(record.id, () => this.#ended(record.id, record.run, exit ?? { code: 255, at: new Date() }));
    if (record.endpoints.some(({ ipv4 }) => ipv4))
      network.fabric.adopt(
        { id: record.id, name: record.name, netnsPath: record.netnsPath ?? netns },
        record.endpoints,
        record.ports as readonly Required<(typeof record.ports)[number]>[],
      );
    for (const { name } of record.mounts) if (name) this.#parts.volumes.mount(name, record.id);
    await notePaused(this.#parts, record);
    this.#watch(record);
    this.#parts.onStarted(registry.byId(record.id) ?? record);
    return undefined;
  }

  publish(record: ContainerRecord, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.#parts.events.publish({
      type: 'container',
      action,
      id: record.id,
      attributes: { ...record.labels, image: record.spec.image, name: record.name, ...attributes },
    });
  }

  /** Lets go of everything; containers run on. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#restarts.values()) clearTimeout(timer);
    for (const pending of this.#attachers.values()) for (const each of pending) each.resolve(undefined);
    await Promise.allSettled(this.#busy);
  }

  async #launch(record: ContainerRecord, change: Partial<ContainerRecord>): Promise<void> {
    const { registry } = this.#parts;
    const run = record.run + 1;
    await this.#deletions.get(record.id);
    try {
      const launched = await launch(this.#parts, record, () => this.#connectAttachers(record));
      const started = {
        ...record,
        ...launched,
        // On the host's network and on none there is nothing to attach.
        endpoints: launched.endpoints.length > 0 ? launched.endpoints : record.endpoints,
        ...change,
        run,
        finishedAt: undefined,
        exitCode: undefined,
        error: undefined,
        oomKilled: false,
        isRestarting: false,
        stoppedByUser: false,
      };
      const health = healthAtStart(record);
      try {
        await registry.put({ ...started, health });
      } catch (error) {
        // Nobody would know that it runs.
        await teardown(this.#parts, record);
        throw error;
      }
      tellJoined(this.#parts, started);
      this.publish(record, 'start');
      this.#watch({ ...started, health });
      this.#parts.onStarted({ ...started, health });
    } catch (error) {
      const exitCode = startFailureCode(messageOf(error));
      await registry.note(record.id, { error: messageOf(error), exitCode, run, isRestarting: false, finishedAt: record.finishedAt });
      this.#dropAttachers(record.id);
      this.waiters.notify(record.id, ['not-running'], { exitCode, error: messageOf(error) });
      if (record.spec.autoRemove) await this.#removeLocked(registry.byId(record.id) ?? record, true);
      throw error;
    }
  }

  async #connectAttachers(record: ContainerRecord): Promise<void> {
    const { kernel, config } = this.#parts;
    const pending = this.#attachers.get(record.id) ?? [];
    this.#attachers.delete(record.id);
    for (const each of pending) each.resolve(await kernel.runtime.attach(pathsOf(config, record.id).supervision));
  }

  #dropAttachers(id: string): void {
    for (const each of this.#attachers.get(id) ?? []) each.resolve(undefined);
    this.#attachers.delete(id);
  }

  #watch(record: ContainerRecord): void {
    const { kernel, config } = this.#parts;
    this.#own(
      kernel.runtime
        .exited(pathsOf(config, record.id).supervision, this.#closing.signal)
        .then((exit) => this.#mutex.run(record.id, () => this.#ended(record.id, record.run, exit))),
      record.id,
    );
  }

  /** Every background promise has an owner: `close` waits for it, failures are told. */
  #own(promise: Promise<unknown>, id: string): void {
    const owned = promise.then(
      () => undefined,
      (error: unknown) => {
        if (!this.#closing.signal.aborted)
          this.#parts.log.error({ container: id, error: messageOf(error) }, 'container could not be followed');
      },
    );
    this.#busy.add(owned);
    void owned.finally(() => this.#busy.delete(owned));
  }

  async #ended(id: string, run: number, exit: RuntimeExit): Promise<void> {
    const { registry, kernel, config } = this.#parts;
    const record = registry.byId(id);
    if (!record || record.run !== run || record.pid === undefined) return;
    this.#parts.onEnded(id);
    const oomKilled = oomKills(kernel.cgroups, cgroupOf(config, record)) > 0;
    if (oomKilled) this.publish(record, 'oom');
    const ranMs = exit.at.getTime() - (record.startedAt?.getTime() ?? 0);
    const failures = this.#quickExits.get(id) ?? 0;
    const delay = restartDelay(record, exit.code, failures);
    this.#quickExits.set(id, failuresAfter(failures, ranMs));
    const ended = registry.note(id, {
      pid: undefined,
      pidStartTime: undefined,
      pausedAt: undefined,
      netnsPath: undefined,
      finishedAt: exit.at,
      exitCode: exit.code,
      oomKilled,
      isRestarting: delay !== undefined,
      endpoints: record.endpoints.map((endpoint) => ({ ...endpoint, ipv4: undefined })),
    });
    this.#deleteRun(id);
    const results = await Promise.allSettled([ended, this.#parts.network.fabric.detach(id)]);
    await release(this.#parts, record);
    for (const result of results)
      if (result.status === 'rejected') this.#parts.log.error({ container: id, error: messageOf(result.reason) }, 'clean-up after exit');
    this.publish(record, 'die', { exitCode: String(exit.code), execDuration: String(Math.max(0, Math.floor(ranMs / 1000))) });
    tellLeft(this.#parts, record);
    this.waiters.notify(id, delay === undefined ? ['next-exit', 'not-running'] : ['next-exit'], { exitCode: exit.code });
    if (delay !== undefined) this.#scheduleRestart(id, delay);
    else if (record.spec.autoRemove)
      await this.#removeLocked(registry.byId(id) ?? record, true).catch((error) => this.#removeLater(id, error));
  }

  /** Nobody else would ask again for what was to go by itself: the disk may be full for a while. */
  #removeLater(id: string, error: unknown): void {
    const { registry, log } = this.#parts;
    log.error({ container: id, error: messageOf(error) }, 'could not be removed: trying again');
    const again = async (): Promise<void> => {
      await pause(removeAgainMs, this.#closing.signal);
      await this.#mutex.run(id, async () => {
        const record = registry.byId(id);
        if (record && record.pid === undefined) await this.#removeLocked(record, true).catch((late) => this.#removeLater(id, late));
      });
    };
    this.#own(again(), id);
  }

  #deleteRun(id: string): void {
    const deletion = this.#parts.kernel.runtime.delete(id, { force: true });
    this.#own(deletion, id);
    const done = deletion.catch(() => undefined).finally(() => this.#deletions.delete(id));
    this.#deletions.set(id, done);
  }

  #scheduleRestart(id: string, delay: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(id);
      this.#own(
        this.#mutex.run(id, async () => {
          const record = this.#parts.registry.byId(id);
          if (!record || record.pid !== undefined || record.isRemoving || this.#closing.signal.aborted) return;
          await this.#launch(record, { restartCount: record.restartCount + 1 });
        }),
        id,
      );
    }, delay);
    this.#restarts.set(id, timer);
  }

  #cancelRestart(id: string): void {
    clearTimeout(this.#restarts.get(id));
    this.#restarts.delete(id);
  }

  async #removeLocked(record: ContainerRecord, volumes: boolean): Promise<void> {
    const { registry } = this.#parts;
    const { id } = record;
    const exitCode = record.pid === undefined ? (record.exitCode ?? 0) : 137;
    this.#cancelRestart(id);
    this.#parts.onEnded(id);
    await registry.note(id, { isRemoving: true });
    try {
      await this.#takeAway(record, volumes);
    } catch (error) {
      // So that it can be asked for again.
      await registry.note(id, { isRemoving: false });
      throw error;
    }
    this.publish(record, 'destroy');
    this.waiters.notify(id, ['next-exit', 'not-running', 'removed'], { exitCode });
  }

  async #takeAway(record: ContainerRecord, volumes: boolean): Promise<void> {
    const { id } = record;
    if (record.pid !== undefined || record.isRemoving) {
      await teardown(this.#parts, record);
      if (record.pid !== undefined) for (const [action, more] of killed) this.publish(record, action, more);
      if (record.pid !== undefined) tellLeft(this.#parts, record);
    }
    await takeAwayFiles(this.#parts, record);
    await this.#parts.registry.delete(id);
    if (volumes) await takeAwayVolumes(this.#parts, record);
    this.#dropAttachers(id);
    this.#quickExits.delete(id);
    this.#parts.onRemoved(id);
  }

  async #freeze(reference: string, action: 'pause' | 'unpause'): Promise<void> {
    const { registry, kernel } = this.#parts;
    const { id } = registry.find(reference);
    await this.#mutex.run(id, async () => {
      const record = registry.find(id);
      mayDo(action, record);
      await (action === 'pause' ? kernel.runtime.pause(id) : kernel.runtime.resume(id));
      await registry.note(id, { pausedAt: action === 'pause' ? new Date() : undefined });
      this.publish(record, action);
    });
  }

  async #signal(record: ContainerRecord, number: number): Promise<void> {
    await this.#parts.kernel.runtime.kill(record.id, number, { all: number === 9 && sharesPids(record) }).catch(ignoreNotFound);
  }
}
