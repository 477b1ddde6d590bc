/** A saved rule set (iptables-save) as data. Pure. */
export interface RuleSet {
  /** By `table chain`. */
  readonly chains: ReadonlyMap<string, Chain>;
}

export interface Chain {
  /** Undefined: a chain of somebody's own, which returns. */
  readonly policy: string | undefined;
  readonly rules: readonly Rule[];
}

export interface Rule {
  /** As iptables-save writes it: `-A FORWARD -j DOCKER-USER`. */
  readonly text: string;
  readonly matches: readonly Match[];
  readonly target: string | undefined;
  /** `goto` does not come back. */
  readonly isGoto: boolean;
  /** Of DNAT. */
  readonly to: string | undefined;
  /** Packets that met it, when the set was saved with counters. */
  readonly packets: number | undefined;
}

export interface Match {
  readonly option: string;
  readonly values: readonly string[];
  readonly isNegated: boolean;
}

/** Options of targets, and words that match nothing. */
const silent: ReadonlySet<string> = new Set([
  '-m',
  '--match',
  '--comment',
  '--reject-with',
  '--log-prefix',
  '--log-level',
  '--to-source',
  '--to-ports',
  '--set-mark',
  '--set-xmark',
  '--restore-mark',
  '--save-mark',
  '--random',
  '--random-fully',
  '--nflog-group',
  '--nflog-prefix',
]);
const withoutValue: ReadonlySet<string> = new Set(['--random', '--random-fully', '--restore-mark', '--save-mark', '-f', '--syn']);

export function parseRules(saved: string): RuleSet {
  const chains = new Map<string, { policy: string | undefined; rules: Rule[] }>();
  let table = '';
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const declared = /^:(\S+) (\S+)/.exec(line);
    if (declared) chains.set(`${table} ${declared[1]}`, { policy: declared[2] === '-' ? undefined : declared[2], rules: [] });
    const counted = /^(?:\[(\d+):\d+\] )?(-A (\S+).*)$/.exec(line);
    if (counted) chains.get(`${table} ${counted[3]}`)?.rules.push(parseRule(counted[2] ?? '', counted[1]));
  }
  return { chains };
}

function parseRule(text: string, packets: string | undefined): Rule {
  const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? '').slice(2);
  const matches: Match[] = [];
  const rule = { target: undefined as string | undefined, isGoto: false, to: undefined as string | undefined };
  for (let at = 0; at < words.length; at++) {
    const isNegated = words[at] === '!';
    if (isNegated) at++;
    const option = words[at] ?? '';
    const values: string[] = [];
    while (!withoutValue.has(option) && at + 1 < words.length && !/^(?:!$|-)/.test(words[at + 1] ?? '')) values.push(words[++at] ?? '');
    if (option === '-j' || option === '-g') {
      rule.target = values[0];
      rule.isGoto = option === '-g';
    } else if (option === '--to-destination') rule.to = values[0];
    else if (!silent.has(option)) matches.push({ option, values, isNegated });
  }
  return { text, matches, ...rule, packets: packets === undefined ? undefined : Number(packets) };
}
