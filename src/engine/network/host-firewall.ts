import type { Firewall } from '../../kernel/firewall.ts';
import { chainsOf, planChange, type Chains } from './firewall-change.ts';
import { copyInput, type InputCopy } from './input-copy.ts';
import { missingJumps, missingRules, renderFirewall, renderTeardown, wasClosed, type FirewallState, type Jump } from './firewall-rules.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];

/** Who decides about published ports: davit alone, as dockerd does, or the host's INPUT rules too. */
export type FirewallMode = 'own' | 'respect';

/** What else is written with the rules: gives the number of its transactions, and what somebody took away of it. */
export interface FurtherRules {
  sync(): Promise<number>;
  check(): Promise<readonly string[]>;
  destroy(): Promise<void>;
}

/** Keeps the host's rules equal to the wanted state. Changes that come while a write runs are written together after it. */
export class HostFirewall {
  readonly #firewall: Firewall;
  readonly #wanted: (family: Family) => FirewallState;
  readonly #mode: FirewallMode;
  readonly #further: FurtherRules;
  /** What INPUT was like when it was last looked at. */
  readonly #input = new Map<Family, InputCopy>();
  /** Jumps to be added; undefined: not looked yet. IPv6 is left alone until a network has it. */
  readonly #missing = new Map<Family, readonly Jump[]>();
  /** The host's policy of FORWARD was DROP before the first write. */
  readonly #wasClosed = new Map<Family, boolean>();
  /** What was written, as it stands in the kernel. */
  readonly #written = new Map<Family, Chains>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** The rules of this generation were found whole. */
  #whole: number | undefined;
  /** What a check finds lost, while it runs. */
  #noted: Set<string> | undefined;

  /** `mode` respect: the host's INPUT rules decide who reaches published ports. */
  constructor(
    firewall: Firewall,
    wanted: (family: Family) => FirewallState,
    { mode = 'own', further }: { readonly mode?: FirewallMode | undefined; readonly further: FurtherRules },
  ) {
    this.#firewall = firewall;
    this.#mode = mode;
    this.#further = further;
    this.#wanted = (family) => ({ ...wanted(family), input: this.#input.get(family) });
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
    this.#missing.clear();
    this.#whole = undefined;
    return this.sync();
  }

  /** Puts back what somebody flushed, deleted or changed; tells what. Nothing is read while the kernel's rules are those last found whole. */
  async check(): Promise<readonly string[]> {
    await this.#running?.catch(() => undefined);
    const generation = this.#firewall.generation();
    if (generation !== undefined && generation === this.#whole) return [];
    const lost = new Set<string>();
    let hasNewInput = false;
    for (const family of families) {
      if (!this.#isNeeded(family)) continue;
      const saved = await this.#firewall.save(undefined, family);
      if (this.#running) return [];
      hasNewInput = this.#copyInput(family, saved) || hasNewInput;
      for (const what of this.#lostOf(family, saved)) lost.add(what);
    }
    for (const what of await this.#further.check()) lost.add(what);
    if (lost.size === 0) {
      if (hasNewInput) await this.sync();
      else this.#whole = generation;
      return [];
    }
    // Whoever flushes goes on while we look: what is gone by the time of writing is told too.
    this.#noted = lost;
    try {
      await this.repair();
    } finally {
      this.#noted = undefined;
    }
    return [...lost];
  }

  async destroy(): Promise<void> {
    for (const family of families) {
      const teardown = renderTeardown(await this.#firewall.save(undefined, family), family);
      if (teardown !== '') await this.#firewall.restore(teardown, family);
    }
    await this.#further.destroy();
    this.#missing.clear();
    this.#written.clear();
  }

  #lostOf(family: Family, saved: string): readonly string[] {
    return missingRules(this.#written.get(family) ?? chainsOf(renderFirewall(this.#wanted(family), [])), saved, family);
  }

  /** Whether INPUT has changed. */
  #copyInput(family: Family, saved: string): boolean {
    if (this.#mode === 'own') return false;
    const before = JSON.stringify(this.#input.get(family));
    const input = copyInput(saved);
    this.#input.set(family, input);
    return JSON.stringify(input) !== before;
  }

  #start(): Promise<void> {
    const running = this.#write().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  /** A host whose networks have no IPv6 keeps its IPv6 rules untouched; once written they are kept up to date to the end. */
  #isNeeded(family: Family): boolean {
    return family === 4 || this.#written.has(6) || this.#wanted(6).bridges.length > 0;
  }

  async #write(): Promise<void> {
    await Promise.all(families.filter((family) => this.#isNeeded(family)).map((family) => this.#writeFamily(family)));
    const before = this.#firewall.generation();
    const transactions = await this.#further.sync();
    this.#stillWhole(before, transactions);
  }

  /** Whole before, and nobody but us since: whole still. */
  #stillWhole(before: number | undefined, transactions: number): void {
    if (before !== undefined && before === this.#whole && this.#firewall.generation() === before + transactions)
      this.#whole = before + transactions;
  }

  async #writeFamily(family: Family): Promise<void> {
    const missing = this.#missing.get(family);
    const written = this.#written.get(family);
    if (!missing || missing.length > 0 || !written) return this.#writeWhole(family);
    const change = planChange(written, chainsOf(renderFirewall(this.#wanted(family), [])));
    if (change.text === '') return undefined;
    const before = this.#firewall.generation();
    try {
      await this.#firewall.restore(change.text, family);
    } catch {
      // Somebody has taken away what was to be changed.
      return this.#writeWhole(family);
    }
    this.#written.set(family, change.chains);
    this.#stillWhole(before, change.tables);
    return undefined;
  }

  async #writeWhole(family: Family): Promise<void> {
    const missing = await this.#look(family);
    const state = this.#wanted(family);
    await this.#firewall.restore(renderFirewall(state, missing, { wasClosed: this.#wasClosed.get(family) ?? false }), family);
    this.#missing.set(family, []);
    this.#written.set(family, chainsOf(renderFirewall(state, [])));
  }

  async #look(family: Family): Promise<readonly Jump[]> {
    const saved = await this.#firewall.save(undefined, family);
    if (this.#noted) for (const what of this.#lostOf(family, saved)) this.#noted.add(what);
    this.#copyInput(family, saved);
    if (!this.#wasClosed.has(family)) this.#wasClosed.set(family, wasClosed(saved));
    return missingJumps(saved, family);
  }
}
