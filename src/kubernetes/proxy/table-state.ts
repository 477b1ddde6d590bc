import type { NftElement, NftElementChange } from '../../kernel/nft-element.ts';
import { noShare, type Share } from './elements.ts';
import { choiceName, choiceParts, emptyTable, part, tableName, type Choice } from './table-layout.ts';

/** What is to be written: first the parts (they change nothing by themselves), then the elements, in one transaction. */
export interface TableChange {
  readonly parts: string;
  readonly elements: NftElementChange;
}

/**
 * What the table should hold, as the sum of what each Service needs, and what it was last known to hold. Pure state:
 * a changed Service costs what changed of it, however many others there are.
 */
export class TableState {
  readonly #podCidr: string;
  readonly #shares = new Map<string, Share>();
  /** By element: who needs it, with which value. */
  readonly #claims = new Map<string, Map<string, NftElement>>();
  readonly #touched = new Set<string>();
  readonly #applied = new Map<string, NftElement>();
  readonly #parts = new Set<string>();
  /** Choices whose parts are not known to be there. */
  readonly #missing = new Map<string, Choice>();

  constructor(podCidr: string) {
    this.#podCidr = podCidr;
  }

  share(owner: string): Share {
    return this.#shares.get(owner) ?? noShare;
  }

  put(owner: string, share: Share): void {
    for (const element of this.share(owner).elements) this.#unclaim(owner, element);
    for (const element of share.elements) this.#claim(owner, element);
    if (share.elements.length === 0) this.#shares.delete(owner);
    else this.#shares.set(owner, share);
    for (const choice of share.choices) if (!this.#parts.has(choiceName(choice))) this.#missing.set(choiceName(choice), choice);
  }

  /** The difference to what was applied; nothing twice in a row. */
  changes(): TableChange {
    const [remove, add]: [NftElement[], NftElement[]] = [[], []];
    for (const id of this.#touched) {
      const [before, now] = [this.#applied.get(id), this.#wanted(id)];
      if (before?.value === now?.value && (before === undefined) === (now === undefined)) continue;
      if (before) remove.push(before);
      if (now) add.push(now);
    }
    return { parts: this.#missingParts(), elements: { remove, add } };
  }

  /** The whole table as one transaction. */
  whole(): string {
    this.#parts.clear();
    for (const { choices } of this.#shares.values()) for (const choice of choices) this.#missing.set(choiceName(choice), choice);
    const elements = [...this.#claims.keys()].flatMap((id) => this.#wanted(id) ?? []);
    const statements = [...Map.groupBy(elements, (one) => one.collection)].map(
      ([collection, own]) => `add element ip ${tableName} ${collection} { ${own.map(textOf).join(', ')} }`,
    );
    return [emptyTable(this.#podCidr), this.#missingParts(), ...statements, ''].join('\n');
  }

  /** Say so when what `changes` or `whole` gave is in the kernel. */
  applied(): void {
    for (const choice of this.#missing.values()) for (const name of choiceParts(choice, this.#podCidr).keys()) this.#parts.add(name);
    this.#missing.clear();
    for (const id of this.#touched) {
      const now = this.#wanted(id);
      if (now) this.#applied.set(id, now);
      else this.#applied.delete(id);
    }
    this.#touched.clear();
  }

  #missingParts(): string {
    const texts = new Map<string, string>();
    for (const choice of this.#missing.values()) {
      for (const [name, text] of choiceParts(choice, this.#podCidr)) if (!this.#parts.has(name)) texts.set(name, text);
    }
    return texts.size === 0 ? '' : `${part([...texts.values()].join('\n'))}\n`;
  }

  /** Two Services that claim one address: the first by name has it, as long as it is there. */
  #wanted(id: string): NftElement | undefined {
    const claims = this.#claims.get(id);
    if (!claims) return undefined;
    if (claims.size === 1) return claims.values().next().value;
    return [...claims].reduce((first, one) => (one[0] < first[0] ? one : first))[1];
  }

  #claim(owner: string, element: NftElement): void {
    const id = idOf(element);
    const claims = this.#claims.get(id) ?? new Map<string, NftElement>();
    this.#claims.set(id, claims.set(owner, element));
    this.#touched.add(id);
  }

  #unclaim(owner: string, element: NftElement): void {
    const id = idOf(element);
    const claims = this.#claims.get(id);
    claims?.delete(owner);
    if (claims?.size === 0) this.#claims.delete(id);
    this.#touched.add(id);
  }
}

function idOf({ collection, key }: NftElement): string {
  return `${collection} ${key}`;
}

function textOf({ key, value }: NftElement): string {
  return value === undefined ? key : `${key} : ${value}`;
}
