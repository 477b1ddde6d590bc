import { Worker } from 'node:worker_threads';
import { isKind, KindError } from '../../base/errors.ts';
import { workerUrl } from '../../base/worker-url.ts';
import type { Firewall } from '../../kernel/firewall.ts';
import type { NftElement } from '../../kernel/nft-element.ts';
import type { RelayChange } from './relay.ts';
import { isRelayWhole, relayKey, relayTable, renderRelay, type RelayPort } from './relay-ports.ts';

interface Listener {
  readonly port: number;
  change(change: RelayChange): void;
  close(): Promise<void>;
}

/**
 * Published ports that no rule can translate, all by one listener on a thread of its own; see docs/design/firewall.md.
 *
 *   [::1]:8080 ─► nftables ip6 davit_relay: in the set? redirect ─► the listener ─► 172.17.0.2:80
 */
export class PortRelay implements AsyncDisposable {
  readonly #firewall: Firewall;
  readonly #wanted: () => readonly RelayPort[];
  #listener: Promise<Listener> | undefined;
  /** What the listener knows. */
  readonly #known = new Map<string, RelayPort>();
  /** What is in the kernel; undefined: not looked yet, or lost. */
  #written: ReadonlySet<string> | undefined;

  constructor(firewall: Firewall, wanted: () => readonly RelayPort[]) {
    this.#firewall = firewall;
    this.#wanted = wanted;
  }

  /** Brings listener and rules to what is wanted now; gives the number of transactions that this took. */
  async sync(): Promise<number> {
    const wanted = new Map(this.#wanted().map((port) => [relayKey(port), port]));
    if (wanted.size === 0 && !this.#listener) return 0;
    this.#listener ??= startListener();
    const listener = await this.#listener;
    listener.change(this.#changeTo(wanted));
    const keys = new Set(wanted.keys());
    const there = this.#written;
    this.#written = keys;
    try {
      return there ? await this.#adjust(there, keys) : await this.#write(keys, listener.port);
    } catch (error) {
      this.#written = undefined;
      if (there && isKind(error, 'notFound')) return this.sync();
      throw error;
    }
  }

  /** Whether somebody else has taken the rules away; the next sync writes them whole. */
  async check(): Promise<readonly string[]> {
    if (!this.#listener || !this.#written) return [];
    const { port } = await this.#listener;
    const keys = [...this.#written];
    if (isRelayWhole(await this.#firewall.nftTable('ip6', relayTable), keys, port)) return [];
    this.#written = undefined;
    return [`nftables ip6: rules of ${relayTable}`];
  }

  async destroy(): Promise<void> {
    await this[Symbol.asyncDispose]();
    if ((await this.#firewall.nftTable('ip6', relayTable)) !== undefined) await this.#firewall.nft(`delete table ip6 ${relayTable}\n`);
  }

  /** The rules stay, as those of published ports do; the next davit writes them anew. */
  async [Symbol.asyncDispose](): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#written = undefined;
    this.#known.clear();
    await (await listener)?.close();
  }

  #changeTo(wanted: ReadonlyMap<string, RelayPort>): RelayChange {
    const remove = [...this.#known.keys()].filter((key) => !wanted.has(key));
    const add = [...wanted].filter(([key, port]) => !isSame(this.#known.get(key), port));
    for (const key of remove) this.#known.delete(key);
    for (const [key, port] of add) this.#known.set(key, port);
    return { remove, add: add.map(([, port]) => port) };
  }

  async #write(keys: ReadonlySet<string>, port: number): Promise<number> {
    await this.#firewall.nft(renderRelay([...keys], port));
    return 1;
  }

  async #adjust(there: ReadonlySet<string>, wanted: ReadonlySet<string>): Promise<number> {
    const elementOf = (key: string): NftElement => ({ collection: key.includes(' ') ? 'at' : 'anywhere', key });
    const remove = [...there].filter((key) => !wanted.has(key)).map(elementOf);
    const add = [...wanted].filter((key) => !there.has(key)).map(elementOf);
    if (remove.length + add.length === 0) return 0;
    await this.#firewall.nftElements('ip6', relayTable, { remove, add });
    return 1;
  }
}

function isSame(a: RelayPort | undefined, b: RelayPort): boolean {
  return a?.address === b.address && a.port === b.port;
}

async function startListener(): Promise<Listener> {
  const worker = new Worker(workerUrl('relay', import.meta.url));
  worker.unref();
  const said = await new Promise<{ readonly listening?: number; readonly failed?: string }>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error: Error) => resolve({ failed: error.message }));
  });
  if (said.listening === undefined) {
    await worker.terminate();
    throw new KindError('unavailable', `published ports of IPv6 addresses have no listener: ${said.failed}`);
  }
  return {
    port: said.listening,
    change: (change) => worker.postMessage(change),
    close: async () => void (await worker.terminate()),
  };
}
