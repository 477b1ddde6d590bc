import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Firewall } from '../../kernel/firewall.ts';
import { shareOf } from './elements.ts';
import type { Frontend } from './service-port.ts';
import { isStale, staleFlows, type StaleFlow } from './stale-flows.ts';
import { tableName } from './table-layout.ts';
import { TableState } from './table-state.ts';

/** The proxy's table in the kernel. What changed since the last write is one transaction; whatever fails is mended by writing all of it. */
export class ServiceTable {
  readonly #firewall: Firewall;
  readonly #log: Log;
  readonly #state: TableState;
  readonly #frontends = new Map<string, readonly Frontend[]>();
  #stale: StaleFlow[] = [];
  #isWritten = false;

  constructor(firewall: Firewall, podCidr: string, log: Log) {
    this.#firewall = firewall;
    this.#log = log;
    this.#state = new TableState(podCidr);
  }

  /** What a Service needs from the next write on; nothing takes it out. */
  put(owner: string, frontends: readonly Frontend[]): void {
    this.#stale.push(...staleFlows(this.#frontends.get(owner) ?? [], frontends));
    this.#state.put(owner, shareOf(frontends, this.#state.share(owner)));
    if (frontends.length === 0) this.#frontends.delete(owner);
    else this.#frontends.set(owner, frontends);
  }

  /** The next write is a whole one: somebody changed the table. */
  distrust(): void {
    this.#isWritten = false;
  }

  async isThere(): Promise<boolean> {
    return (await this.#firewall.nftTable('ip', tableName)) !== undefined;
  }

  /** Resolves when the kernel has it. */
  async write(): Promise<void> {
    if (!this.#isWritten || !(await this.#writeChanges())) {
      this.#isWritten = false;
      await this.#firewall.nft(this.#state.whole());
      this.#isWritten = true;
    }
    this.#state.applied();
    this.#forgetFlows();
  }

  async #writeChanges(): Promise<boolean> {
    const { parts, elements } = this.#state.changes();
    try {
      if (parts !== '') await this.#firewall.nft(parts);
      this.#firewall.nftElements('ip', tableName, elements);
      return true;
    } catch (error) {
      this.#log.info({ error: messageOf(error) }, 'the Service table is not as it was left; writing it anew');
      return false;
    }
  }

  /** After the rules: a flow forgotten earlier could be tracked again by the old ones. */
  #forgetFlows(): void {
    const stale = this.#stale;
    this.#stale = [];
    if (stale.length > 0) this.#firewall.forgetFlows((flow) => isStale(flow, stale));
  }
}
