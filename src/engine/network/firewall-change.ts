/** Rules by `table chain`, each as iptables-save writes it. */
export type Chains = ReadonlyMap<string, readonly string[]>;

export interface FirewallChange {
  /** Input of `iptables-restore --noflush`; empty when nothing changes. */
  readonly text: string;
  /** What is in the kernel afterwards. */
  readonly chains: Chains;
  /** How many tables change: by so much the kernel's generation rises. */
  readonly tables: number;
}

/** Chains whose rules may stand in any order: each speaks of one port, or says the same. */
const unordered: ReadonlySet<string> = new Set(['nat DOCKER', 'nat DAVIT-POSTROUTING', 'filter DOCKER']);
/** From so many rules to be removed on, a chain is written anew: iptables looks for each of them from the top. */
const manyRemovals = 100;

/** Our own chains of a rendered or saved text. */
export function chainsOf(text: string): Chains {
  const chains = new Map<string, string[]>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const declared = /^:(\S+) -/.exec(line)?.[1];
    if (declared !== undefined) chains.set(`${table} ${declared}`, []);
    else if (line.startsWith('-A ')) chains.get(`${table} ${line.split(' ', 2)[1]}`)?.push(line);
  }
  return chains;
}

/** From what is there to what is wanted. Rules of ports are added and removed singly, so that one more costs the same however many there are. */
export function planChange(there: Chains, wanted: Chains): FirewallChange {
  const chains = new Map(there);
  const byTable = new Map<string, string[]>();
  for (const [key, rules] of wanted) {
    const change = changeChain(key, there.get(key), rules);
    if (!change) continue;
    const [table = ''] = key.split(' ');
    byTable.set(table, [...(byTable.get(table) ?? []), ...change.lines]);
    chains.set(key, change.rules);
  }
  const text = Array.from(byTable, ([table, lines]) => [`*${table}`, ...lines, 'COMMIT', ''].join('\n')).join('');
  return { text, chains, tables: byTable.size };
}

function changeChain(
  key: string,
  there: readonly string[] | undefined,
  wanted: readonly string[],
): { readonly lines: readonly string[]; readonly rules: readonly string[] } | undefined {
  const [, chain = ''] = key.split(' ');
  const anew = { lines: [`:${chain} - [0:0]`, ...wanted], rules: wanted };
  if (!there) return anew;
  if (!unordered.has(key)) return there.join('\n') === wanted.join('\n') ? undefined : anew;
  const [old, next] = [new Set(there), new Set(wanted)];
  const removed = there.filter((rule) => !next.has(rule));
  const added = wanted.filter((rule) => !old.has(rule));
  if (removed.length + added.length === 0) return undefined;
  if (removed.length >= manyRemovals) return anew;
  return {
    lines: [...removed.map((rule) => rule.replace(/^-A/, '-D')), ...added],
    rules: [...there.filter((rule) => next.has(rule)), ...added],
  };
}
