/**
 * The host's INPUT chain and what it jumps to, said anew for packets that were translated to a container: they pass FORWARD, where the
 * host's port and address are only known to connection tracking. Pure.
 *
 *   -A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT     ─►  -A DAVIT-INPUT -p tcp -m tcp -m conntrack --ctorigdstport 8080 -j ACCEPT
 *   -A INPUT -j ufw-user-input                        ─►  -A DAVIT-INPUT -j DAVIT-INPUT-1
 *   :INPUT DROP                                       ─►  -A DAVIT-INPUT -j DROP
 */
export interface InputCopy {
  /** The first one stands for INPUT. */
  readonly chains: readonly { readonly name: string; readonly rules: readonly string[] }[];
}

export const inputChain = 'DAVIT-INPUT';

/** `saved`: iptables-save, at least of the table filter. */
export function copyInput(saved: string): InputCopy {
  const filter = /^\*filter\n([\s\S]*?)^COMMIT/m.exec(saved)?.[1] ?? '';
  const policy = /^:INPUT (\w+)/m.exec(filter)?.[1] ?? 'ACCEPT';
  const rules = Map.groupBy(
    filter.split('\n').filter((line) => line.startsWith('-A ')),
    (line) => line.split(' ', 2)[1] ?? '',
  );
  const own = new Set([...filter.matchAll(/^:(\S+) -/gm)].map(([, name = '']) => name));
  const names = new Map([['INPUT', inputChain]]);
  const chains: { name: string; rules: string[] }[] = [];
  // Chains are added to the map while it is gone through.
  for (const [chain, name] of names) {
    const copied = (rules.get(chain) ?? [])
      .flatMap((rule) => translate(wordsOf(rule).slice(2), nameOf))
      .map((rule) => `-A ${name} ${rule}`);
    chains.push({ name, rules: chain === 'INPUT' ? [...copied, `-A ${name} -j ${policy}`] : copied });
  }
  return { chains };

  function nameOf(target: string): string {
    if (!own.has(target)) return target;
    const name = names.get(target) ?? `${inputChain}-${names.size}`;
    names.set(target, name);
    return name;
  }
}

function wordsOf(rule: string): readonly string[] {
  return rule.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
}

interface Option {
  readonly not: boolean;
  readonly name: string;
  readonly values: readonly string[];
}

function optionsOf(words: readonly string[]): readonly Option[] {
  const options: { not: boolean; name: string; values: string[] }[] = [];
  let not = false;
  for (const word of words) {
    if (word === '!') not = true;
    else if (word.startsWith('-') || options.length === 0) {
      options.push({ not, name: word, values: [] });
      not = false;
    } else options.at(-1)?.values.push(word);
  }
  return options;
}

/** What a part of a rule becomes: words, several alternatives (one rule each), or that the rule never or perhaps matches. */
type Part = readonly string[] | { readonly each: readonly (readonly string[])[] } | 'never' | 'unknown';

/** None, one or several rules without `-A CHAIN`. What cannot be said anew lets nobody in: an ACCEPT is left out, a DROP loses the condition. */
function translate(words: readonly string[], nameOf: (target: string) => string): readonly string[] {
  const options = optionsOf(words);
  const target = options.find(({ name }) => name === '-j' || name === '-g')?.values[0];
  const isMulti = options.some(({ name }) => /^--(?:dports|ports)$/.test(name));
  let rules: readonly (readonly string[])[] = [[]];
  for (const option of options) {
    const part = partOf(option, isMulti, nameOf);
    if (part === 'never') return [];
    if (part === 'unknown') {
      if (target !== 'DROP' && target !== 'REJECT') return [];
    } else if ('each' in part) rules = rules.flatMap((rule) => part.each.map((more) => [...rule, ...more]));
    else rules = rules.map((rule) => [...rule, ...part]);
  }
  return rules.map((rule) => rule.join(' '));
}

function partOf({ not, name, values }: Option, isMulti: boolean, nameOf: (target: string) => string): Part {
  const [value = ''] = values;
  const tracked = (option: string, of: string): readonly string[] => ['-m', 'conntrack', ...(not ? ['!'] : []), option, of];
  switch (name) {
    case '-j':
    case '-g':
      return [name, nameOf(value), ...values.slice(1)];
    case '-d':
      return tracked('--ctorigdst', value);
    case '--dport':
      return tracked('--ctorigdstport', value);
    case '--dports':
      return not ? 'unknown' : { each: value.split(',').map((port) => tracked('--ctorigdstport', port)) };
    case '--ports':
    case '--match-set':
      return 'unknown';
    case '-m':
      return (isMulti && value === 'multiport') || value === 'addrtype' || value === 'set' ? [] : [name, value];
    // Whatever was translated was sent to an address of this host.
    case '--dst-type':
      return (value === 'LOCAL') === not ? 'never' : [];
    case '--src-type':
      return ['-m', 'addrtype', ...(not ? ['!'] : []), name, ...values];
    default:
      return [...(not ? ['!'] : []), name, ...values];
  }
}
