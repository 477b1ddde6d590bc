import assert from 'node:assert/strict';
import { type Answer, dockerApi } from './docker-api.ts';

export type Random = () => number;

/** mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type State = 'absent' | 'created' | 'running' | 'exited';

/** What is known of one container: everything that was acknowledged, and both outcomes of what was not. */
interface Slot {
  readonly name: string;
  readonly exitCode: number;
  states: ReadonlySet<State>;
  /** Undefined while unknown. */
  isConnected: boolean | undefined;
  /** Of the run that was acknowledged. */
  pid: number | undefined;
  tokens: string[];
}

interface Inspected {
  readonly State: { readonly Status: State; readonly Pid: number; readonly ExitCode: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> };
}

const network = 'extra';

/** Clients that create, start, stop, connect, exec and remove, each on a container of its own, until the engine goes away under them. */
export class CrashLoad {
  readonly #socket: string;
  readonly #image: string;
  readonly #random: Random;
  readonly #slots: readonly Slot[];
  /** Requests that were under way when the engine was killed. */
  interrupted = 0;
  acknowledged = 0;

  constructor(socket: string, image: string, random: Random, size: number) {
    this.#socket = socket;
    this.#image = image;
    this.#random = random;
    this.#slots = Array.from({ length: size }, (_, index) => ({
      name: `slot${index}`,
      exitCode: 40 + index,
      states: new Set<State>(['absent']),
      isConnected: false,
      pid: undefined,
      tokens: [],
    }));
  }

  /** Ends when the engine no longer answers anybody. */
  async run(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#slots.map((slot) => this.#client(slot)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #client(slot: Slot): Promise<void> {
    for (;;) {
      try {
        await this.#step(slot);
        this.acknowledged += 1;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        this.interrupted += 1;
        return;
      }
    }
  }

  #ask(method: string, path: string, body?: object): Promise<Answer> {
    return dockerApi(this.#socket, method, path, body);
  }

  /** While the request is under way both states are possible. */
  async #move(slot: Slot, to: State, method: string, path: string, body?: object): Promise<void> {
    slot.states = new Set([...slot.states, to]);
    const { status, body: text } = await this.#ask(method, path, body);
    assert.ok(status < 300, `${method} ${path}: ${status} ${text}`);
    slot.states = new Set([to]);
  }

  async #step(slot: Slot): Promise<void> {
    const [state] = slot.states;
    const path = `/containers/${slot.name}`;
    if (state === 'absent') return this.#create(slot);
    if (state === 'created' || state === 'exited') {
      if (this.#random() < 0.3) return this.#remove(slot);
      slot.pid = undefined;
      await this.#move(slot, 'running', 'POST', `${path}/start`);
      slot.pid = (await this.#inspect(slot))?.State.Pid;
      return undefined;
    }
    const choice = this.#random();
    if (choice < 0.2) return this.#remove(slot);
    if (choice < 0.45) return this.#exec(slot);
    if (choice < 0.7) return this.#connect(slot);
    slot.pid = undefined;
    return this.#move(slot, 'exited', 'POST', `${path}/stop?t=5`);
  }

  async #create(slot: Slot): Promise<void> {
    slot.isConnected = false;
    slot.tokens = [];
    const script = `trap 'exit ${slot.exitCode}' TERM; while :; do sleep 0.1; done`;
    const ports = slot.exitCode % 2 === 0 ? { '80/tcp': [{ HostPort: String(20_000 + slot.exitCode) }] } : {};
    await this.#move(slot, 'created', 'POST', `/containers/create?name=${slot.name}`, {
      Image: this.#image,
      Cmd: ['sh', '-c', script],
      HostConfig: { PortBindings: ports, Binds: [`${slot.name}:/data`] },
    });
  }

  async #remove(slot: Slot): Promise<void> {
    slot.pid = undefined;
    await this.#move(slot, 'absent', 'DELETE', `/containers/${slot.name}?force=1`);
  }

  async #connect(slot: Slot): Promise<void> {
    const verb = slot.isConnected ? 'disconnect' : 'connect';
    const wanted = !slot.isConnected;
    slot.isConnected = undefined;
    const { status, body } = await this.#ask('POST', `/networks/${network}/${verb}`, { Container: slot.name });
    assert.ok(status < 300, `${verb} ${slot.name}: ${status} ${body}`);
    slot.isConnected = wanted;
  }

  async #exec(slot: Slot): Promise<void> {
    const token = `t${slot.tokens.length}`;
    const created = await this.#ask('POST', `/containers/${slot.name}/exec`, { Cmd: ['touch', `/data/${token}`], AttachStdout: true });
    assert.equal(created.status, 201, created.body);
    const { Id } = JSON.parse(created.body) as { Id: string };
    const started = await this.#ask('POST', `/exec/${Id}/start`, {});
    assert.equal(started.status, 200, started.body);
    slot.tokens.push(token);
  }

  async #inspect(slot: Slot): Promise<Inspected | undefined> {
    const { status, body } = await this.#ask('GET', `/containers/${slot.name}/json`);
    return status === 404 ? undefined : (JSON.parse(body) as Inspected);
  }

  /** The engine is back: nothing that was acknowledged is lost, what ran untouched runs on as the same process. */
  async check(read: (path: string) => boolean): Promise<void> {
    for (const slot of this.#slots) {
      const found = await this.#inspect(slot);
      const state = found?.State.Status ?? 'absent';
      assert.ok(slot.states.has(state), `${slot.name} is ${state}, known: ${[...slot.states].join(' or ')}`);
      if (slot.pid !== undefined) assert.equal(found?.State.Pid, slot.pid, `${slot.name} runs on as the same process`);
      if (state === 'exited')
        assert.ok([slot.exitCode, 137].includes(found?.State.ExitCode ?? -1), `${slot.name}: ${found?.State.ExitCode}`);
      const isConnected = found !== undefined && network in found.NetworkSettings.Networks;
      if (found && slot.isConnected !== undefined) assert.equal(isConnected, slot.isConnected, `${slot.name} on ${network}`);
      for (const token of slot.tokens) assert.ok(read(`${slot.name}/_data/${token}`), `${slot.name} lost ${token}`);
      slot.states = new Set([state]);
      slot.isConnected = isConnected;
      slot.pid = state === 'running' ? found?.State.Pid : undefined;
      if (!found) slot.tokens = [];
    }
  }

  async prepare(): Promise<void> {
    await this.#ask('POST', '/networks/create', { Name: network });
  }

  async removeAll(): Promise<void> {
    const answers = await Promise.all(this.#slots.map(({ name }) => this.#ask('DELETE', `/containers/${name}?force=1`)));
    for (const { status, body } of answers) assert.ok([204, 404].includes(status), body);
    const { body: left } = await this.#ask('GET', '/containers/json?all=1');
    assert.equal(left.trim(), '[]');
    for (const slot of this.#slots) {
      slot.states = new Set<State>(['absent']);
      slot.isConnected = false;
      slot.pid = undefined;
    }
  }
}
