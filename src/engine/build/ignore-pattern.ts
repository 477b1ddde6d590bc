import { KindError } from '../../base/errors.ts';
import { filePatternTokens } from './file-pattern.ts';

/**
 * What one cleaned pattern of a .dockerignore matches, as github.com/moby/patternmatcher has it. The reference makes a
 * regular expression of it character by character, knowing no brackets, and takes three short cuts; both show:
 *
 *   **.log    ends with .log: also `a.log`            **.l?g   only `.l?g` below a directory
 *   a^b       the name `a^b`                          a^b*     nothing: `^` is where a path begins
 *   [a-z]x    as written                              [a*]     `[a[^/]*]`: some of `a`, `[`, `^`, `/`, then `]`
 */
export function ignorePattern(pattern: string): (path: string) => boolean {
  filePatternTokens(pattern);
  const { kind, regex } = read(pattern);
  switch (kind) {
    case 'exact':
      return (path) => path === pattern;
    case 'prefix':
      return (path) => path.startsWith(pattern.slice(0, -2));
    case 'suffix': {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || `/${path}` === suffix;
    }
    case 'regex': {
      const expression = compile(regex, pattern);
      return (path) => expression.test(path);
    }
  }
}

interface Read {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'regex';
  /** In Go's syntax. */
  readonly regex: string;
}

function read(pattern: string): Read {
  let state: Read = { kind: 'exact', regex: '' };
  for (const match of pattern.matchAll(/\*\*\/?|\\[\s\S]|[\s\S]/gu)) {
    const [token] = match;
    const isLast = match.index + token.length === pattern.length;
    state = token.startsWith('**') ? anyDepth(state, isLast) : next(state, token);
    if (token.startsWith('**') && match.index === 0) state = { ...state, kind: 'suffix' };
  }
  return state;
}

function anyDepth({ kind, regex }: Read, isLast: boolean): Read {
  if (!isLast) return { kind: 'regex', regex: `${regex}(.*/)?` };
  return kind === 'exact' ? { kind: 'prefix', regex } : { kind: 'regex', regex: `${regex}.*` };
}

function next({ kind, regex }: Read, token: string): Read {
  if (token === '*') return { kind: 'regex', regex: `${regex}[^/]*` };
  if (token === '?') return { kind: 'regex', regex: `${regex}[^/]` };
  if (token.startsWith('\\') || token === '[' || token === ']') return { kind: 'regex', regex: regex + token };
  return { kind, regex: regex + (/[.+()|{}$]/.test(token) ? `\\${token}` : token) };
}

const space = '\\t\\n\\f\\r ';
/** Go's escapes of letters that a pattern may have by mistake, as in `src\bin`; others end a build. */
const escapes: Readonly<Record<string, string>> = { a: '\\x07', s: space };
const places: Readonly<Record<string, string>> = { A: '^', z: '$', b: '\\b', B: '\\B', s: `[${space}]` };

/** From Go's syntax to JavaScript's. */
function compile(regex: string, pattern: string): RegExp {
  const bad = (cause?: unknown): KindError => new KindError('invalid', `bad pattern "${pattern}": syntax error in pattern`, { cause });
  const escaped = (char: string): string => {
    if (/[!-/:-@[-`{-~ ]/.test(char)) return `\\u{${char.charCodeAt(0).toString(16)}}`;
    const known = /[fnrtvdDwW]/.test(char) ? `\\${char}` : escapes[char];
    if (known === undefined) throw bad();
    return known;
  };
  const members = (inner: string): string =>
    inner.replaceAll(/\\([\s\S])|[[/]/gu, (all, char?: string) => (char === undefined ? `\\${all}` : escaped(char)));
  const source = regex.replaceAll(
    /\\([\s\S])|\[(\^?)((?:\\[\s\S]|[^\\\]])+)\]|[.\]]/gu,
    (all, char?: string, not?: string, inner?: string) => {
      if (char !== undefined) return places[char] ?? escaped(char);
      if (inner !== undefined) return `[${not}${members(inner)}]`;
      return all === '.' ? '[^\\n]' : '\\]';
    },
  );
  try {
    return new RegExp(`^${source}$`, 'u');
  } catch (error) {
    throw bad(error);
  }
}
