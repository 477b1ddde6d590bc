import { KindError } from '../../base/errors.ts';
import type { Heredoc } from './heredoc.ts';
import { didYouMean } from './near.ts';
import { placeOf, type PlaceDetails, type SourceLine } from './place.ts';
import { splitWords, unquoted } from './words.ts';

/** One instruction, not yet interpreted. */
export interface Instruction {
  /** 1-based. */
  readonly line: number;
  /** Upper case. */
  readonly keyword: string;
  /** `--from=x` → `{ from: 'x' }`; a switch is `true` or `false`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Flags that may stand more than once: `--mount`, `--exclude`. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** Text after keyword and flags, continuation lines joined. */
  readonly rest: string;
  /** The JSON (exec) form, where the text is a JSON array of strings. */
  readonly json: readonly string[] | undefined;
  readonly heredocs: readonly Heredoc[];
  /** The whole instruction as it is shown. */
  readonly text: string;
  readonly lines: readonly SourceLine[];
}

type FlagKind = 'value' | 'list' | 'switch';
const value = 'value' as const;

/** Which flags an instruction takes. */
const flagKinds: Readonly<Record<string, Readonly<Record<string, FlagKind>>>> = {
  FROM: { platform: value },
  RUN: { mount: 'list', network: value, security: value, device: 'list' },
  COPY: { from: value, chown: value, chmod: value, link: 'switch', parents: 'switch', exclude: 'list' },
  ADD: { chown: value, chmod: value, link: 'switch', exclude: 'list', checksum: value, 'keep-git-dir': 'switch', unpack: 'switch' },
  HEALTHCHECK: { interval: value, timeout: value, 'start-period': value, 'start-interval': value, retries: value },
};

export const keywords: ReadonlySet<string> = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);
const jsonKeywords = new Set('ADD CMD COPY ENTRYPOINT RUN SHELL VOLUME'.split(' '));

/** What lies behind one instruction's text in its file. */
export interface InstructionSource {
  readonly lines: readonly SourceLine[];
  readonly heredocs?: readonly Heredoc[];
  readonly escape?: string;
}

/** An instruction from its joined text. Also alone, as in ONBUILD or `docker commit --change`. */
export function parseInstruction(text: string, line: number, source: InstructionSource = { lines: [{ number: line, text }] }): Instruction {
  const { lines, heredocs = [], escape = '\\' } = source;
  const [, word = '', tail = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  const keyword = word.toUpperCase();
  if (!keywords.has(keyword)) throw parseError(lines, `unknown instruction: ${word}${didYouMean(keyword, keywords)}`, word);
  const { flags, lists, rest } = takeFlags(tail, flagKinds[keyword] ?? {}, lines, escape);
  if (rest.trim() === '' && keyword !== 'CMD' && keyword !== 'ENTRYPOINT')
    throw parseError(lines, `${keyword} requires ${needs[keyword] ?? 'at least one argument'}`);
  const json = jsonKeywords.has(keyword) ? jsonOf(rest, lines) : undefined;
  return { line, keyword, flags, lists, rest: rest.trim(), json, heredocs, text, lines };
}

/** In dockerd's words; the line's number also stands in the message. */
export function parseError(lines: readonly SourceLine[], message: string, word?: string): KindError {
  const place = placeOf(lines, word);
  return new KindError('invalid', `dockerfile parse error on line ${place.line}: ${message}`, { details: place satisfies PlaceDetails });
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

interface Flags {
  readonly flags: Readonly<Record<string, string>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly rest: string;
}

/** Flags stand before everything else; `--` ends them. */
function takeFlags(text: string, kinds: Readonly<Record<string, FlagKind>>, lines: readonly SourceLine[], escape: string): Flags {
  const flags: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  let rest = text.trimStart();
  for (;;) {
    const [word = ''] = splitWords(rest, escape, 1);
    if (!word.startsWith('--')) break;
    rest = rest.slice(word.length).trimStart();
    if (word === '--') break;
    const [, name = '', , given] = /^--([^=]*)(=([\s\S]*))?$/.exec(word) ?? [];
    const kind = kinds[name];
    if (kind === undefined)
      throw parseError(lines, `unknown flag: --${name}${didYouMean(name, Object.keys(kinds), (it) => `--${it}`)}`, word);
    if (kind !== 'list' && name in flags) throw parseError(lines, `Duplicate flag specified: ${name}`, word);
    if (kind === 'list') (lists[name] ??= []).push(flagText(given, name, lines, word));
    else flags[name] = kind === 'switch' ? switchText(given, name, lines, word) : flagText(given, name, lines, word);
  }
  return { flags, lists, rest };
}

function flagText(given: string | undefined, name: string, lines: readonly SourceLine[], word: string): string {
  if (given === undefined) throw parseError(lines, `Missing a value on flag: ${name}`, word);
  return /^["']/.test(given) ? (unquoted(given) ?? given) : given;
}

function switchText(given: string | undefined, name: string, lines: readonly SourceLine[], word: string): string {
  const text = (given ?? 'true').toLowerCase();
  if (text === 'true' || text === 'false') return text;
  throw parseError(lines, `expecting boolean value for flag ${name}, not: ${given}`, word);
}

/** Undefined for what is no JSON array: `[ -f x ]` is the shell's. */
function jsonOf(text: string, lines: readonly SourceLine[]): readonly string[] | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('[')) return undefined;
  const parsed = parsedArray(trimmed);
  if (parsed?.every((item) => typeof item === 'string') ?? true) return parsed as readonly string[] | undefined;
  throw parseError(lines, 'when using JSON array syntax, arrays must be comprised of strings only');
}

function parsedArray(text: string): readonly unknown[] | undefined {
  try {
    return JSON.parse(text) as readonly unknown[];
  } catch {
    return undefined;
  }
}
