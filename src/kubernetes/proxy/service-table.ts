import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Firewall } from '../../kernel/firewall.ts';
import type { NftWatch } from '../../kernel/nft-watch.ts';
import { shareOf } from './elements.ts';
import type { Frontend } from './service-port.ts';
import { isStale, staleFlows, type StaleFlow } from './stale-flows.ts';
import { tableName } from './table-layout.ts';
import { TableState } from './table-state.ts';

/** The proxy's table in the kernel. What changed since the last write is one transaction; whatever fails is mended by writing all of it. */
export class ServiceTable implements Disposable {
  readonly #firewall: Firewall;
  readonly #log: Log;
  readonly #state: TableState;
  readonly #frontends = new Map<string, readonly Frontend[]>();
  readonly #watch: NftWatch;
  #stale: StaleFlow[] = [];
  #isWritten = false;

  /** `lost`: somebody else changed the table; the next write is a whole one. */
  constructor(firewall: Firewall, podCidr: string, log: Log, lost: () => void = () => undefined) {
    this.#firewall = firewall;
    this.#log = log;
    this.#state = new TableState(podCidr);
    this.#watch = firewall.watchTable('ip', tableName, () => {
      this.distrust();
      lost();
    });
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
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

  /** Resolves when the kernel has it. */
  async write(): Promise<void> {
    if (!this.#isWritten || !(await this.#writeChanges())) {
      this.#isWritten = true;
      await this.#own(1, () => this.#firewall.nft(this.#state.whole()));
    }
    this.#state.applied();
    this.#forgetFlows();
  }

  async #own(commits: number, write: () => Promise<void>): Promise<void> {
    try {
      await this.#watch.own(commits, write);
    } catch (error) {
      this.#isWritten = false;
      throw error;
    }
  }

  async #writeChanges(): Promise<boolean> {
    const { parts, elements } = this.#state.changes();
    try {
      const commits = (parts === '' ? 0 : 1) + (elements.add.length + elements.remove.length === 0 ? 0 : 1);
      if (commits === 0) return true;
      await this.#own(commits, async () => {
        if (parts !== '') await this.#firewall.nft(parts);
        await this.#firewall.nftElements('ip', tableName, elements);
      });
      return this.#isWritten;
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
