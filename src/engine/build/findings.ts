import { isProxy, platformArguments } from './arguments.ts';
import type { checkRules, CheckRule, CheckSettings } from './check-rules.ts';
import type { Dockerfile } from './dockerfile.ts';
import type { Instruction } from './instruction.ts';
import { suggested } from './near.ts';
import type { Plan } from './stages.ts';
import { expand } from './words.ts';

/** What a build check found; nothing is wrong enough to refuse. */
export interface Finding {
  readonly rule: CheckRule;
  readonly message: string;
  /** 1-based. */
  readonly line: number;
  readonly lastLine: number;
}

export interface CheckInput {
  readonly file: Dockerfile;
  readonly text: string;
  readonly plan: Plan;
  readonly settings: CheckSettings;
  readonly contexts: ReadonlySet<string>;
  /** Names in the environment of a base image; undefined where the image is not here: what its stages use is then not judged. */
  readonly environmentOf: (base: string) => ReadonlySet<string> | undefined;
  /** Of a base image, `linux/arm64`; undefined where the image is not here. */
  readonly platformOf: (base: string) => string | undefined;
  /** Whether the ignore file keeps a path out of the context. */
  readonly isIgnored: (path: string) => boolean;
}

export type Report = <Rule extends CheckRule>(
  rule: Rule,
  at: Pick<Instruction, 'lines'>,
  ...what: Parameters<(typeof checkRules)[Rule]['say']>
) => void;

/** What a stage hands on to those that start from it. */
export interface StageState {
  /** Names that ENV has set; undefined: not known. */
  environment: ReadonlySet<string> | undefined;
  /** Names that ARG has declared. */
  readonly declared: Set<string>;
  hasShell: boolean;
  hasWorkdir: boolean;
}

/** Names that a word uses and nothing defines, also where `${x:-y}` says itself what holds then. */
export function undefinedIn(words: readonly string[], isDefined: (name: string) => boolean, escape: string): ReadonlySet<string> {
  const unknown = new Set<string>();
  for (const word of words) {
    try {
      expand(
        word,
        (name) => {
          if (isDefined(name)) return 'x';
          unknown.add(name);
          return undefined;
        },
        escape,
      );
    } catch {
      // An open quote or a bad modifier: the build refuses it at its place.
    }
  }
  return unknown;
}

/** Names that are always there. */
export function isPredefined(name: string): boolean {
  return isProxy(name) || platformArguments(name) !== undefined;
}

/** ` (did you mean $PATH?)`, or nothing. */
export function meant(name: string, known: Iterable<string>, sign = ''): string {
  const near = suggested(name, known);
  return near === undefined ? '' : ` (did you mean ${sign}${near}?)`;
}

/** As it is written: `from`, `COPY`. */
export function wordOf({ text }: Pick<Instruction, 'text'>): string {
  return /^\S+/.exec(text)?.[0] ?? '';
}
