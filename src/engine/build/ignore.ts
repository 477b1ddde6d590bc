import { KindError } from '../../base/errors.ts';

/** A .dockerignore: which paths of a context stay out. Semantics of moby's patternmatcher. */
export interface Ignore {
  /** Path relative to the context, without leading slash. */
  ignores(path: string): boolean;
  /** Whether a `!` pattern may bring back something below an ignored directory. */
  readonly hasExceptions: boolean;
  readonly isEmpty: boolean;
}

interface Pattern {
  readonly regex: RegExp;
  readonly isException: boolean;
}

/** The lines of a .dockerignore that count, cleaned. */
export function ignoreLines(text: string): readonly string[] {
  const lines: string[] = [];
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    if (raw.startsWith('#')) continue;
    const trimmed = raw.trim();
    if (trimmed === '') continue;
    const isException = trimmed.startsWith('!');
    const body = isException ? trimmed.slice(1).trim() : trimmed;
    if (body === '') throw new KindError('invalid', 'illegal exclusion pattern: "!"');
    lines.push(`${isException ? '!' : ''}${cleanPath(body)}`);
  }
  return lines;
}

export function parseIgnore(lines: readonly string[]): Ignore {
  const patterns = lines.filter((line) => line !== '' && line !== '/').map(compile);
  return {
    hasExceptions: patterns.some((pattern) => pattern.isException),
    isEmpty: patterns.length === 0,
    ignores: (path) => {
      const parts = path.split('/');
      const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
      let isIgnored = false;
      for (const pattern of patterns) {
        if (pattern.isException !== isIgnored) continue;
        if (prefixes.some((prefix) => pattern.regex.test(prefix))) isIgnored = !pattern.isException;
      }
      return isIgnored;
    },
  };
}

function compile(line: string): Pattern {
  const isException = line.startsWith('!');
  const body = cleanPath(isException ? line.slice(1) : line);
  try {
    return { regex: new RegExp(`^${toRegex(body)}$`, 's'), isException };
  } catch (error) {
    throw new KindError('invalid', `.dockerignore: bad pattern "${line}"`, { cause: error });
  }
}

/** Of Go's filepath.Match plus `**` for any number of directories. */
export function toRegex(pattern: string): string {
  let regex = '';
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index] ?? '';
    if (char === '*' && pattern[index + 1] === '*') {
      index += 1;
      if (pattern[index + 1] === '/') index += 1;
      regex += index + 1 >= pattern.length ? '.*' : '(?:.*/)?';
    } else if (char === '*') regex += '[^/]*';
    else if (char === '?') regex += '[^/]';
    else if (char === '\\') regex += escaped(pattern[++index] ?? '\\');
    else if (char === '[') {
      const end = closing(pattern, index);
      regex += pattern.slice(index, end + 1);
      index = end;
    } else regex += escaped(char);
  }
  return regex;
}

function closing(pattern: string, start: number): number {
  const end = pattern.indexOf(']', start + 2);
  if (end < 0) throw new KindError('invalid', `bad pattern "${pattern}": missing ]`);
  return end;
}

function escaped(char: string): string {
  return /[.+^${}()|[\]\\/*?]/.test(char) ? `\\${char}` : char;
}

/** Go's filepath.Clean, relative to the context. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !path.startsWith('/')) parts.push(part);
  }
  return parts.join('/');
}
