import { posix } from 'node:path';
import type { Owner } from '../../kernel/files.ts';
import { didYouMean } from './near.ts';
import { wordError } from './place.ts';

export type Sharing = 'shared' | 'private' | 'locked';

/** `RUN --mount=type=…`, as it is written. */
export interface MountSpec {
  readonly type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  readonly id: string | undefined;
  /** Undefined for secrets and agents that have no place given. */
  readonly target: string | undefined;
  readonly from: string | undefined;
  readonly source: string | undefined;
  readonly readOnly: boolean;
  readonly sharing: Sharing;
  readonly mode: number | undefined;
  readonly owner: Owner;
  readonly required: boolean;
  /** Environment variable that takes a secret. */
  readonly env: string | undefined;
  /** Bytes; of a tmpfs. */
  readonly size: number | undefined;
}

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const places = ['target', 'dst', 'destination'];
const sources = ['from', 'source', 'src'];

const writing = ['rw', 'readwrite', 'ro', 'readonly'];
/** Taken with every type, though not each of them means something there, as BuildKit has it. */
const common = ['type', ...places, ...sources, ...writing, 'id'];
const ownership = ['mode', 'uid', 'gid'];

/** What a type takes besides; the others are refused by name. */
const keysOf: Readonly<Record<MountSpec['type'], readonly string[]>> = {
  bind: [],
  cache: ['sharing', ...ownership],
  tmpfs: ['size'],
  secret: ['required', ...ownership, 'env'],
  ssh: ['required', ...ownership],
};

type Field = readonly [key: string, value: string | undefined];

function fieldsOf(text: string): readonly Field[] {
  return csv(text).map((field): Field => {
    const equals = field.indexOf('=');
    return equals < 0 ? [field.toLowerCase(), undefined] : [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
  });
}

/** The stage or image that a `--mount` names, before variables have values. */
export function mountSource(text: string): string | undefined {
  return fieldsOf(text).findLast(([key]) => key === 'from')?.[1];
}

/** Parses one `--mount`; `word` replaces the variables of its values. */
export function parseMount(text: string, word: (text: string) => string): MountSpec {
  const fields = fieldsOf(text).map(([key, value]): Field => [key, value === undefined || key === 'from' ? value : word(value)]);
  const type = typeOf(fields.find(([key]) => key === 'type')?.[1], text);
  const keys = [...common, ...keysOf[type]];
  for (const [key, given] of fields) {
    if (!keys.includes(key)) throw wordError(key, `unexpected key '${key}' for mount type '${type}'${didYouMean(key, keys)}`);
    if (given === undefined && !writing.includes(key) && key !== 'required')
      throw wordError(key, `invalid field '${key}' must be a key=value pair`);
  }
  const value = (...names: readonly string[]): string | undefined => {
    const [key = '', given] = fields.findLast(([name]) => names.includes(name)) ?? [];
    if (key !== '' && (given === undefined || given === '')) throw wordError(text, `invalid field '${key}': it needs a value`);
    return given;
  };
  const flag = (...names: readonly string[]): boolean | undefined => {
    const found = fields.findLast(([name]) => names.includes(name));
    return found && booleanOf(found[0], found[1] ?? 'true');
  };
  const target = value(...places);
  if (target === undefined && type !== 'secret' && type !== 'ssh') throw wordError(text, `--mount=type=${type} needs a target`);
  const source = value('source', 'src');
  const readOnly = isReadOnly(fields) ?? (type !== 'cache' && type !== 'tmpfs');
  const id = value('id') ?? (type === 'secret' ? (source ?? (target === undefined ? undefined : posix.basename(target))) : undefined);
  if (type === 'secret' && value('from') !== undefined) throw wordError('from', 'secret mount should not have a from');
  if (type === 'secret' && value('id') !== undefined && source !== undefined) throw wordError(text, "both source and id can't be set");
  if (type === 'secret' && id === undefined) throw wordError(text, '--mount=type=secret needs an id or a target');
  return {
    type,
    id,
    target,
    from: value('from'),
    source,
    readOnly,
    sharing: sharingOf(value('sharing')),
    mode: octal(value('mode')),
    owner: { uid: number('uid', value('uid')) ?? 0, gid: number('gid', value('gid')) ?? 0 },
    required: flag('required') ?? false,
    env: value('env'),
    size: bytes(value('size')),
  };
}

/** The last word on it; undefined where there is none. */
function isReadOnly(fields: readonly Field[]): boolean | undefined {
  const [key, given = 'true'] = fields.findLast(([name]) => writing.includes(name)) ?? [];
  return key === undefined ? undefined : booleanOf(key, given) === ['ro', 'readonly'].includes(key);
}

/** Fields between commas; one in double quotes may hold commas. */
function csv(text: string): readonly string[] {
  return [...text.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, field = '']) =>
    field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field.trim(),
  );
}

function typeOf(text: string | undefined, mount: string): MountSpec['type'] {
  const type = types.find((each) => each === (text ?? 'bind').toLowerCase());
  if (type) return type;
  throw wordError(text ?? mount, `unsupported mount type "${text}"${didYouMean(text ?? '', types)}`);
}

function booleanOf(key: string, text: string): boolean {
  if (['true', 't', '1'].includes(text.toLowerCase())) return true;
  if (['false', 'f', '0'].includes(text.toLowerCase())) return false;
  throw wordError(text, `invalid value for ${key}: ${text}: want true or false`);
}

function sharingOf(text: string | undefined): Sharing {
  const sharing = (['shared', 'private', 'locked'] as const).find((each) => each === (text ?? 'shared').toLowerCase());
  if (sharing) return sharing;
  throw wordError(text ?? '', `unsupported sharing value "${text}": want shared, private or locked`);
}

function octal(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^0?[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw wordError(text, `invalid value for mode: ${text}: want an octal number, for example 0400`);
}

function number(key: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw wordError(text, `invalid value for ${key}: ${text}: want a number`);
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

function bytes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (amount === '') throw wordError(text, `invalid value for size: ${text}: want for example 64m`);
  return Math.round(Number(amount) * (units[unit.toLowerCase()] ?? 1));
}
