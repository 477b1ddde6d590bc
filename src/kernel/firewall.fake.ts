import { KindError } from '../base/errors.ts';
import type { Firewall } from './firewall.ts';
import type { NftElement, NftElementChange } from './nft-element.ts';
import type { NftWatch } from './nft-watch.ts';

interface FakeChain {
  /** `-` for chains of our own. */
  policy: string;
  rules: string[];
}

type Table = Map<string, FakeChain>;

const builtin: Readonly<Record<string, readonly string[]>> = {
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
};
const targets = new Set([
  'ACCEPT',
  'DROP',
  'RETURN',
  'REJECT',
  'DNAT',
  'SNAT',
  'MASQUERADE',
  'MARK',
  'LOG',
  'REDIRECT',
  'CT',
  'CONNMARK',
  'TCPMSS',
]);

export interface FakeFirewall extends Firewall {
  /** Empties everything, as somebody's `iptables -F` does. */
  flush(): void;
}

/** Keeps iptables tables rule by rule, nftables tables by their text. */
export function fakeFirewall(): FakeFirewall {
  const families = new Map<4 | 6, Map<string, Table>>();
  const nftTables = new Map<string, string>();
  const watchers = new Set<Watcher>();
  const nftElements = new Map<string, Elements>();
  let generation = 1;
  const tablesOf = (family: 4 | 6): Map<string, Table> =>
    families.get(family) ?? families.set(family, new Map()).get(family) ?? new Map<string, Table>();

  return {
    async restore(rules, family = 4) {
      const tables = tablesOf(family);
      for (const [name, table] of restored(tables, rules)) tables.set(name, table);
      generation += 1;
    },

    async save(table, family = 4) {
      return renderTables(tablesOf(family), table);
    },

    saveCounted: async (family) => renderTables(tablesOf(family), undefined).replace(/^-A/gm, '[0:0] -A'),

    async nft(script) {
      const staged = new Map(nftTables);
      for (const statement of statements(script)) applyNft(staged, statement);
      for (const name of nftElements.keys())
        if (!staged.has(name) || /^\s*(delete|destroy)\s+table/m.test(script)) nftElements.delete(name);
      const before = new Map(nftTables);
      nftTables.clear();
      for (const [name, text] of staged) nftTables.set(name, text);
      for (const { name, told, isOurs } of watchers) if (!isOurs && before.get(name) !== nftTables.get(name)) told();
      generation += 1;
    },

    generation: () => generation,

    async nftTable(family, table) {
      const body = nftTables.get(`${family} ${table}`);
      if (body === undefined) return undefined;
      return `table ${family} ${table} {\n${body}${elementLines(nftElements.get(`${family} ${table}`))}}\n`;
    },

    nftElements: async (family, table, change) => changeElements(`${family} ${table}`, nftTables, nftElements, change),

    watchTable: (family, table, told) => watchIn(watchers, `${family} ${table}`, told),

    filterBridged: () => true,

    forgetFlows: () => 0,

    flush() {
      families.clear();
      const before = new Set(nftTables.keys());
      nftTables.clear();
      nftElements.clear();
      for (const { name, told } of watchers) if (before.has(name)) told();
      generation += 1;
    },
  };
}

interface Watcher {
  readonly name: string;
  readonly told: () => void;
  isOurs: boolean;
}

function watchIn(watchers: Set<Watcher>, name: string, told: () => void): NftWatch {
  const watcher: Watcher = { name, told, isOurs: false };
  watchers.add(watcher);
  return {
    async own(_commits, write) {
      watcher.isOurs = true;
      try {
        return await write();
      } finally {
        watcher.isOurs = false;
      }
    },
    [Symbol.dispose]: () => void watchers.delete(watcher),
  };
}

type Elements = ReadonlyMap<string, NftElement>;

function changeElements(
  name: string,
  tables: ReadonlyMap<string, string>,
  elements: Map<string, Elements>,
  change: NftElementChange,
): void {
  const missing = (): KindError => new KindError('notFound', `change elements of nftables table ${name}: ENOENT`);
  const body = tables.get(name);
  if (body === undefined) throw missing();
  const staged = new Map(elements.get(name));
  const keyOf = ({ collection, key }: NftElement): string => `${collection} ${key}`;
  for (const element of change.remove) if (!staged.delete(keyOf(element)) && !body.includes(element.key)) throw missing();
  for (const element of change.add) {
    if (!new RegExp(`(set|map) ${element.collection}\\b`).test(body)) throw missing();
    staged.set(keyOf(element), element);
  }
  elements.set(name, staged);
}

function elementLines(elements: Elements = new Map()): string {
  return [...elements.values()]
    .map(({ collection, key, value }) => `\telement ${collection} ${key}${value === undefined ? '' : ` : ${value}`}\n`)
    .join('');
}

/** The tables with a restore's lines applied; throws at the first that is wrong, and nothing has happened. */
function restored(tables: ReadonlyMap<string, Table>, rules: string): ReadonlyMap<string, Table> {
  const staged = new Map([...tables].map(([name, table]) => [name, copy(table)]));
  let current: Table | undefined;
  rules.split('\n').forEach((line, index) => {
    const text = line.trim();
    const refuse = (reason: string): KindError =>
      new KindError('internal', `iptables-restore refused the rules: line ${index + 1}: "${text}": ${reason}`);
    if (text === '' || text.startsWith('#')) return;
    if (text.startsWith('*')) {
      current = tableNamed(staged, text.slice(1), refuse);
      return;
    }
    if (!current) throw refuse('no table');
    if (text === 'COMMIT') current = undefined;
    else applyRule(current, text, refuse);
  });
  if (current) throw new KindError('internal', 'iptables-restore refused the rules: COMMIT expected');
  return staged;
}

type Refuse = (reason: string) => KindError;

function tableNamed(tables: Map<string, Table>, name: string, refuse: Refuse): Table {
  if (!(name in builtin)) throw refuse(`table '${name}' does not exist`);
  const table = tables.get(name) ?? emptyTable(name);
  tables.set(name, table);
  return table;
}

function emptyTable(name: string): Table {
  return new Map((builtin[name] ?? []).map((chain) => [chain, { policy: 'ACCEPT', rules: [] }]));
}

/** One line of iptables-restore, with --noflush: naming an own chain again empties it. */
function applyRule(table: Table, text: string, refuse: Refuse): void {
  const declaration = /^:(\S+) (\S+)/.exec(text);
  if (declaration) {
    const [, name = '', policy = '-'] = declaration;
    table.set(name, { policy, rules: policy === '-' ? [] : (table.get(name)?.rules ?? []) });
    return;
  }
  const [, verb = '', name = '', rest = ''] = /^-(\w+) (\S+) ?(.*)$/.exec(text) ?? [];
  if (verb === 'N') {
    if (table.has(name)) throw refuse('Chain already exists');
    table.set(name, { policy: '-', rules: [] });
    return;
  }
  const chain = table.get(name);
  if (!chain) throw refuse(`Chain '${name}' does not exist`);
  const jump = /(?:^| )-[jg] (\S+)/.exec(rest)?.[1];
  if (jump !== undefined && !targets.has(jump) && !table.has(jump)) throw refuse(`Chain '${jump}' does not exist`);
  if (verb === 'A') chain.rules.push(rest);
  else if (verb === 'I') chain.rules.splice(Number(/^\d+/.exec(rest)?.[0] ?? 1) - 1, 0, rest.replace(/^\d+ /, ''));
  else if (verb === 'F') chain.rules = [];
  else if (verb === 'X') table.delete(name);
  else if (verb === 'P') chain.policy = rest;
  else if (verb !== 'D') throw refuse(`unknown option "-${verb}"`);
  else if (!chain.rules.includes(rest)) throw refuse('Bad rule (does a matching rule exist in that chain?)');
  else chain.rules.splice(chain.rules.indexOf(rest), 1);
}

function renderTables(tables: ReadonlyMap<string, Table>, only: string | undefined): string {
  const names = only === undefined ? [...tables.keys()] : [only];
  return names.map((name) => render(name, tables.get(name) ?? emptyTable(name))).join('');
}

function render(name: string, table: Table): string {
  const chains = [...table].map(([chain, { policy }]) => `:${chain} ${policy} [0:0]\n`);
  const rules = [...table].flatMap(([chain, { rules: lines }]) => lines.map((rule) => `-A ${chain} ${rule}\n`));
  return `*${name}\n${chains.join('')}${rules.join('')}COMMIT\n`;
}

function copy(table: Table): Table {
  return new Map([...table].map(([name, chain]) => [name, { policy: chain.policy, rules: [...chain.rules] }]));
}

/** Top-level statements: a line, or everything up to the closing brace. */
function statements(script: string): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let text = '';
  for (const line of script.split('\n')) {
    if (depth === 0 && (line.trim() === '' || line.trim().startsWith('#'))) continue;
    text += `${line}\n`;
    depth += line.split('{').length - line.split('}').length;
    if (depth > 0) continue;
    found.push(text);
    text = '';
  }
  if (text !== '') throw new KindError('internal', 'nft refused the rules: syntax error, unexpected end of file');
  return found;
}

function applyNft(tables: Map<string, string>, statement: string): void {
  const block = /^\s*(?:add\s+)?table\s+(\S+)\s+(\S+)\s*\{\n?([\s\S]*)\}\s*$/.exec(statement);
  if (block) {
    const key = `${block[1]} ${block[2]}`;
    tables.set(key, (tables.get(key) ?? '') + (block[3] ?? ''));
    return;
  }
  const [, verb = '', kind = '', family = '', table = ''] =
    /^\s*(\w+)\s+(\w+)\s+(\w+)\s+(\S+)/.exec(`${/^\s*table/.test(statement) ? 'add ' : ''}${statement}`) ?? [];
  const key = `${family} ${table}`;
  if (kind === 'table' && verb === 'add') tables.set(key, tables.get(key) ?? '');
  else if (kind === 'table' && verb === 'destroy') tables.delete(key);
  else if (!tables.has(key)) throw new KindError('internal', `nft refused the rules: "${statement.trim()}": No such file or directory`);
  else if (kind === 'table' && verb === 'delete') tables.delete(key);
  else if (kind === 'table' && verb === 'flush') tables.set(key, '');
  else tables.set(key, `${tables.get(key)}${statement}`);
}
