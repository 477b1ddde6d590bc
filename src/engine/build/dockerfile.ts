import { KindError } from '../../base/errors.ts';

/** One instruction, not yet interpreted. */
export interface Instruction {
  /** 1-based. */
  readonly line: number;
  /** Upper case. */
  readonly keyword: string;
  /** `--from=x` → `{ from: 'x' }`; a flag without value is `true`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Text after keyword and flags, continuation lines joined. */
  readonly rest: string;
  /** The JSON (exec) form, where the text is a JSON array of strings. */
  readonly json: readonly string[] | undefined;
  readonly heredocs: readonly Heredoc[];
  /** The whole instruction as it is shown. */
  readonly text: string;
}

export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** Whether variables are expanded: not when the delimiter is quoted. */
  readonly expands: boolean;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  readonly escape: string;
}

const keywords = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);
const jsonKeywords = new Set('ADD CMD COPY ENTRYPOINT ONBUILD RUN SHELL VOLUME HEALTHCHECK'.split(' '));
const flagKeywords = new Set('ADD COPY FROM HEALTHCHECK RUN'.split(' '));
const heredocPattern = /<<(-?)(['"]?)([a-zA-Z_][\w.]*)\2/g;

/** The grammar of https://docs.docker.com/reference/dockerfile/. Errors name the line: `dockerfile parse error on line 3: unknown instruction: RUNN`. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const escape = directives(lines).escape ?? '\\';
  if (escape !== '\\' && escape !== '`') throw parseError(1, `invalid escape token '${escape}' does not match ^[\`\\\\]$`);
  const continuation = escape === '\\' ? /\\[ \t]*$/ : /`[ \t]*$/;
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length;) {
    const start = index;
    const first = (lines[index++] ?? '').trim();
    if (first === '' || first.startsWith('#')) continue;
    let joined = first.replace(continuation, '');
    let isOpen = continuation.test(first);
    while (isOpen && index < lines.length) {
      const next = lines[index++] ?? '';
      if (next.trim() === '' || next.trimStart().startsWith('#')) continue;
      isOpen = continuation.test(next);
      joined += next.replace(continuation, '');
    }
    const heredocs: Heredoc[] = [];
    if (/^(?:RUN|COPY|ADD)\b/i.test(joined)) {
      for (const [, dash, quote, name = ''] of joined.matchAll(heredocPattern)) {
        const end = lines.findIndex((line, at) => at >= index && (dash === '-' ? line.replace(/^\t+/, '') : line) === name);
        if (end < 0) throw parseError(start + 1, 'unterminated heredoc');
        const body = lines.slice(index, end).map((line) => `${dash === '-' ? line.replace(/^\t+/, '') : line}\n`);
        heredocs.push({ name, content: body.join(''), expands: quote === '' });
        index = end + 1;
      }
    }
    instructions.push(parseInstruction(joined.trim(), start + 1, heredocs));
  }
  if (instructions.length === 0) throw new KindError('invalid', 'file with no instructions');
  return { instructions, escape };
}

/** One line, as in ONBUILD or `docker commit --change`. */
export function parseInstruction(text: string, line: number, heredocs: readonly Heredoc[] = []): Instruction {
  const [, word = '', tail = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  const keyword = word.toUpperCase();
  if (!keywords.has(keyword)) throw parseError(line, `unknown instruction: ${word}${suggestion(keyword)}`);
  const { flags, rest } = flagKeywords.has(keyword) ? takeFlags(tail, line) : { flags: {}, rest: tail };
  if (rest.trim() === '' && keyword !== 'CMD' && keyword !== 'ENTRYPOINT')
    throw parseError(line, `${keyword} requires ${needs[keyword] ?? 'at least one argument'}`);
  return { line, keyword, flags, rest: rest.trim(), json: jsonKeywords.has(keyword) ? jsonOf(rest) : undefined, heredocs, text };
}

export function parseError(line: number, message: string): KindError {
  return new KindError('invalid', `dockerfile parse error on line ${line}: ${message}`, { details: { line } });
}

const needs: Readonly<Record<string, string>> = {
  FROM: 'either one or three arguments',
  COPY: 'at least two arguments',
  ADD: 'at least two arguments',
  USER: 'exactly one argument',
  WORKDIR: 'exactly one argument',
  STOPSIGNAL: 'exactly one argument',
  MAINTAINER: 'exactly one argument',
};

function suggestion(keyword: string): string {
  const near = [...keywords].find((known) => isOneEdit(known, keyword));
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

function isOneEdit(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  return short.slice(at + (short.length === long.length ? 1 : 0)) === long.slice(at + 1);
}

/** Parser directives stand before everything else, one per line: `# escape=\``. */
function directives(lines: readonly string[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const line of lines) {
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(line);
    if (!match) break;
    found[(match[1] ?? '').toLowerCase()] = match[2] ?? '';
  }
  return found;
}

function takeFlags(text: string, line: number): { readonly flags: Record<string, string>; readonly rest: string } {
  const flags: Record<string, string> = {};
  let rest = text.trimStart();
  for (;;) {
    const match = /^--([a-zA-Z][\w-]*)(?:=((?:"[^"]*"|'[^']*'|\\.|[^\s"'\\])*))?(?:\s+|$)/.exec(rest);
    if (!match) break;
    const [whole, name = '', value = 'true'] = match;
    if (name in flags && name !== 'mount') throw parseError(line, `Duplicate flag specified: ${name}`);
    flags[name] = value.replace(/^(["'])(.*)\1$/, '$2');
    rest = rest.slice(whole.length);
  }
  return { flags, rest };
}

function jsonOf(text: string): readonly string[] | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(trimmed);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}
