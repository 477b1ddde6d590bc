import { splitWords, unquoted } from './words.ts';

/** A here-document: `RUN <<EOF`, `COPY <<-"a" <<b /dir/`. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** Whether variables are expanded: not when a part of the delimiter is quoted. */
  readonly expands: boolean;
}

export interface HeredocStart {
  readonly name: string;
  readonly expands: boolean;
  /** `<<-`: leading tabs go. */
  readonly chomps: boolean;
}

/** A word that starts a here-document, for RUN also with a descriptor: `3<<EOF`. */
export function heredocStart(word: string): HeredocStart | undefined {
  const [, dash, delimiter = ''] = /^\d*<<(-?)([^<]+)$/.exec(word) ?? [];
  if (dash === undefined) return undefined;
  const name = unquoted(delimiter);
  // It becomes a file's name.
  if (name === undefined || !/^[^\s/]+$/.test(name) || name === '.' || name === '..') return undefined;
  return { name, expands: name === delimiter, chomps: dash === '-' };
}

export function heredocStarts(text: string, escape: string): readonly HeredocStart[] {
  return splitWords(text, escape).flatMap((word) => heredocStart(word) ?? []);
}

/** Takes the body from the lines after `from`; `next` is the line after the delimiter. Undefined: it does not end. */
export function readHeredoc(
  start: HeredocStart,
  lines: readonly string[],
  from: number,
): { readonly heredoc: Heredoc; readonly next: number } | undefined {
  const line = (text: string): string => (start.chomps ? text.replace(/^\t+/, '') : text);
  const end = lines.findIndex((text, at) => at >= from && line(text) === start.name);
  if (end < 0) return undefined;
  const content = lines
    .slice(from, end)
    .map((text) => `${line(text)}\n`)
    .join('');
  return { heredoc: { name: start.name, content, expands: start.expands }, next: end + 1 };
}
