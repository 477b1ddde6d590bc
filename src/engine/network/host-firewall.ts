import type { Firewall } from '../../kernel/firewall.ts';
import { jumps, missingJumps, renderFirewall, renderTeardown, type FirewallState, type Jump } from './firewall-rules.ts';

/** Keeps the host's rules equal to the wanted state. Changes that come while a write runs are written together after it. */
export class HostFirewall {
  readonly #firewall: Firewall;
  readonly #wanted: () => FirewallState;
  #missing: readonly Jump[] | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(firewall: Firewall, wanted: () => FirewallState) {
    this.#firewall = firewall;
    this.#wanted = wanted;
  }

  /** Resolves when the state as of this call is in the kernel. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  /** Looks what is really there, then writes: puts back what somebody flushed. */
  repair(): Promise<void> {
    this.#missing = undefined;
    return this.sync();
  }

  /** Puts back what somebody flushed or deleted; nothing to do on most calls. */
  async check(): Promise<void> {
    const saved = new Set((await this.#firewall.save()).split('\n'));
    const wanted = renderFirewall(this.#wanted(), [])
      .split('\n')
      .filter((line) => line.startsWith('-A DOCKER ') && line.includes('-j DNAT'));
    const isWhole = [...jumps.map(({ rule }) => `-A ${rule}`), ...wanted].every((line) => saved.has(line));
    if (!isWhole) await this.repair();
  }

  async destroy(): Promise<void> {
    const teardown = renderTeardown(await this.#firewall.save());
    if (teardown !== '') await this.#firewall.restore(teardown);
    this.#missing = undefined;
  }

  #start(): Promise<void> {
    const running = this.#write().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #write(): Promise<void> {
    const missing = this.#missing ?? missingJumps(await this.#firewall.save());
    this.#missing = missing;
    await this.#firewall.restore(renderFirewall(this.#wanted(), missing));
    this.#missing = [];
  }
}
