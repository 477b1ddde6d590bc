import { KindError } from '../../base/errors.ts';
import { ignorePattern } from './ignore-pattern.ts';

/** A .dockerignore: which paths of a context stay out. */
export interface Ignore {
  /** Path relative to the context, without leading slash. Fast for paths in the order of a walk. */
  ignores(path: string): boolean;
  /** Whether a `!` pattern may bring back something below an ignored directory: never where all of them are names of other places. */
  mayBringBack(directory: string): boolean;
  readonly isEmpty: boolean;
}

interface Pattern {
  readonly matches: (path: string) => boolean;
  readonly isException: boolean;
  /** Without the `!`. */
  readonly text: string;
  /** No wildcard in it. */
  readonly isName: boolean;
}

/** The lines of a .dockerignore that count, as paths relative to the context. */
export function ignoreLines(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#') && trim(line) !== '')
    .map((line) => {
      const pattern = trim(line);
      const isException = pattern.startsWith('!');
      const body = isException ? trim(pattern.slice(1)) : pattern;
      return `${isException ? '!' : ''}${body === '' ? '' : cleanPath(body).replace(/^\/(?=.)/s, '')}`;
    });
}

/** From lines that stand for themselves: none is a comment. */
export function parseIgnore(lines: readonly string[]): Ignore {
  const patterns = lines.filter((line) => trim(line) !== '').map(compile);
  const exceptions = patterns.filter(({ isException }) => isException);
  /** The directory seen last at each depth. */
  const seen: Matched[] = [];
  const matched = (parts: readonly string[]): Matched | undefined => {
    const [path, depth] = [parts.join('/'), parts.length];
    if (depth === 0) return undefined;
    const known = seen[depth];
    if (known?.path === path) return known;
    return (seen[depth] = matchPatterns(patterns, path, matched(parts.slice(0, -1))));
  };
  return {
    mayBringBack: (directory) => exceptions.some(({ text, isName }) => !isName || text.startsWith(`${directory}/`)),
    isEmpty: patterns.length === 0,
    ignores: (path) => matchPatterns(patterns, path, matched(path.split('/').slice(0, -1))).isIgnored,
  };
}

interface Matched {
  readonly path: string;
  readonly isIgnored: boolean;
  /** Which patterns match the path or a directory above it, as far as that was asked. */
  readonly by: readonly boolean[];
}

/**
 * The last pattern that matches decides. A pattern that matched a directory matches what is below; one that could not
 * change the answer there was not asked, and asks of the path below alone:
 *
 *   a/b      a: no pattern matches, !a is not asked
 *   !a       a/b: ignored by a/b; !a matches neither a/b nor, as far as is known, a directory above
 *
 * That is MatchesUsingParentResults of moby's patternmatcher, by which BuildKit walks a context.
 */
function matchPatterns(patterns: readonly Pattern[], path: string, parent: Matched | undefined): Matched {
  let isIgnored = false;
  const by = patterns.map(({ matches, isException }, index) => {
    const isMatch = parent?.by[index] === true || (isException === isIgnored && matches(path));
    if (isMatch) isIgnored = !isException;
    return isMatch;
  });
  return { path, isIgnored, by };
}

function compile(line: string): Pattern {
  const pattern = cleanPath(trim(line));
  if (pattern === '!') throw new KindError('invalid', 'illegal exclusion pattern: "!"');
  const isException = pattern.startsWith('!');
  const text = isException ? pattern.slice(1) : pattern;
  return { matches: ignorePattern(text), isException, text, isName: !/[*?[\\]/.test(text) };
}

/** White space as Go has it, where a byte order mark is none. */
function trim(text: string): string {
  return text.replaceAll(/^(?:(?!\uFEFF)[\s\u0085])+|(?:(?!\uFEFF)[\s\u0085])+$/gu, '');
}

/** Go's filepath.Clean: `a//b/../c/` → `a/c`, `/..` → `/`, nothing → `.`. */
function cleanPath(path: string): string {
  const [root, parts] = [path.startsWith('/') ? '/' : '', [] as string[]];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || root === '') parts.push(part);
  }
  return root + parts.join('/') || '.';
}
