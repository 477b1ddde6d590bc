import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { Pushable } from '../../base/pushable.ts';
import type { Container, ContainerSpec, ResourceLimits } from '../../engine/containers/container.ts';
import type { Sandbox, SandboxSpec } from '../../engine/containers/sandboxes.ts';
import type { Engine } from '../../engine/engine.ts';
import type { EngineEvent } from '../../engine/events/events.ts';
import type { Image, PullOptions } from '../../engine/images/images.ts';
import { parseReference } from '../../engine/images/reference.ts';

/** An engine whose containers run until they are told to end: the part of it that the kubelet uses. */
export class FakeEngine {
  readonly #containers = new Map<string, Container>();
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #listeners = new Set<Pushable<EngineEvent>>();
  readonly images = new Map<string, Image>();
  /** Names of every container ever started, in order. */
  readonly started: string[] = [];
  /** Bytes that a container of this name holds. */
  memoryOf: (name: string) => number = () => 0;
  /** What a command in a container ends with. */
  exec: (command: readonly string[]) => { readonly exitCode: number; readonly output: string } = () => ({ exitCode: 0, output: '' });
  /** What a pull does; by default every registry is out of reach. */
  pull: (reference: string, options: PullOptions) => void = () => fail('unavailable', 'no such host');

  addImage(name: string, fields: { readonly user?: string; readonly digests?: readonly string[] } = {}): void {
    const config = { architecture: 'amd64', os: 'linux', config: { User: fields.user }, rootfs: { type: 'layers' as const, diff_ids: [] } };
    const id = `sha256:${newId()}` as const;
    this.images.set(name, { id, names: [name], digests: fields.digests ?? [], config, bytes: 1, parent: undefined, taggedAt: undefined });
  }

  /** The process of a running container ends by itself. */
  end(name: string, exitCode: number): void {
    const container = this.running().find((each) => each.name === name);
    if (!container) throw new Error(`${name} does not run`);
    this.#change(container, { pid: undefined, exitCode, finishedAt: new Date() }, 'die');
  }

  running(): readonly Container[] {
    return [...this.#containers.values()].filter((container) => container.pid !== undefined);
  }

  sandboxes(): readonly Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  asEngine(): Engine {
    const parts = {
      images: {
        get: async (name: string) => this.images.get(name) ?? (parseReference(name) && fail('notFound', `No such image: ${name}`)),
        list: async () => [...this.images.values()],
        remove: async (name: string) => this.#removeImage(name),
        pull: (name: string, options: PullOptions) => this.#pulling(name, options),
      },
      containers: {
        create: async (spec: ContainerSpec) => ({ container: this.#create(spec), warnings: [] }),
        start: async (id: string) => this.#start(id),
        stop: async (id: string) => this.#stop(id, 0),
        update: async (id: string, change: { readonly limits?: ResourceLimits }) => this.#update(id, change.limits ?? {}),
        kill: async (id: string) => this.#stop(id, 137),
        remove: async (id: string) => void this.#containers.delete(id),
        list: async () => [...this.#containers.values()].toReversed(),
        logs: () => (async function* () {})(),
        stats: async (id: string) => ({ memory: { usageBytes: this.memoryOf(this.#containers.get(id)?.name ?? ''), stat: {} } }),
        size: async () => ({ writable: 0, root: 0 }),
      },
      sandboxes: {
        create: async (spec: SandboxSpec) => this.#sandbox(spec),
        get: async (id: string) => this.#sandboxes.get(id),
        list: async () => this.sandboxes(),
        remove: async (id: string) => this.#removeSandbox(id),
      },
      execs: {
        run: async (_id: string, { command }: { readonly command: readonly string[] }) => ({ ...this.exec(command), timedOut: false }),
      },
      networks: { get: async () => fail('notFound', 'network pods not found'), create: async () => ({}) },
      events: { stream: (_options: object, signal: AbortSignal) => this.#stream(signal) },
    };
    return parts as unknown as Engine;
  }

  async *#pulling(name: string, options: PullOptions): AsyncGenerator<never> {
    yield* [];
    this.pull(name, options);
  }

  #removeImage(name: string): readonly object[] {
    this.images.delete(name);
    return [];
  }

  #create(spec: ContainerSpec): Container {
    if (!this.#sandboxes.has(spec.sandbox ?? '')) throw new KindError('notFound', `No such sandbox: ${spec.sandbox}`);
    const taken = [...this.#containers.values()].some((each) => each.name === spec.name);
    if (taken) throw new KindError('conflict', `the name ${spec.name} is taken`);
    const facts = {
      id: newId(),
      name: spec.name ?? '',
      spec,
      imageId: this.images.get(spec.image)?.id,
      labels: spec.labels ?? {},
      createdAt: new Date(),
      isRemoving: false,
      oomKilled: false,
    };
    const container = facts as unknown as Container;
    this.#containers.set(container.id, container);
    return container;
  }

  #start(id: string): boolean {
    const container = this.#containers.get(id);
    if (!container) throw new KindError('notFound', `No such container: ${id}`);
    this.started.push(container.name);
    this.#change(container, { pid: 1000 + this.started.length, startedAt: new Date() }, 'start');
    return true;
  }

  #stop(id: string, exitCode: number): boolean {
    const container = this.#containers.get(id);
    if (container?.pid === undefined) return false;
    this.#change(container, { pid: undefined, exitCode, finishedAt: new Date() }, 'die');
    return true;
  }

  #update(id: string, limits: ResourceLimits): void {
    const container = this.#containers.get(id);
    if (!container) throw new KindError('notFound', `No such container: ${id}`);
    this.#change(container, { spec: { ...container.spec, limits: { ...container.spec.limits, ...limits } } }, 'update');
  }

  #change(container: Container, facts: Partial<Container>, action: string): void {
    this.#containers.set(container.id, { ...container, ...facts });
    const event: EngineEvent = {
      type: 'container',
      action,
      id: container.id,
      attributes: { name: container.name, ...container.labels },
      time: new Date(),
    };
    for (const listener of this.#listeners) listener.push(event);
  }

  #sandbox(spec: SandboxSpec): Sandbox {
    const known = this.#sandboxes.get(spec.id);
    if (known) return known;
    const sandbox = { spec, ip: `10.244.0.${this.#sandboxes.size + 2}`, netnsPath: undefined, createdAt: new Date() };
    this.#sandboxes.set(spec.id, sandbox);
    return sandbox;
  }

  #removeSandbox(id: string): void {
    for (const container of this.#containers.values()) if (container.spec.sandbox === id) this.#containers.delete(container.id);
    this.#sandboxes.delete(id);
  }

  async *#stream(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const events = new Pushable<EngineEvent>();
    this.#listeners.add(events);
    signal.addEventListener('abort', () => events.end(), { once: true });
    if (!signal.aborted) yield* events;
    this.#listeners.delete(events);
  }
}

function fail(kind: 'notFound' | 'unavailable', message: string): never {
  throw new KindError(kind, message);
}
