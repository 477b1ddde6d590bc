import type { HealthConfig, RunConfig } from '../../api/oci/image.ts';
import { KindError } from '../../base/errors.ts';
import { signalNumber } from '../containers/signals.ts';
import { parseInstruction, type Instruction } from './instruction.ts';
import { wordError } from './place.ts';
import { parseDuration } from './duration.ts';
import { expand, expandWords, fields, splitWords, type Variables } from './words.ts';

/** What a metadata instruction makes of a config, and how the history tells it. */
export interface MetadataChange {
  readonly config: RunConfig;
  /** As in `/bin/sh -c #(nop)  ENV A=b`. */
  readonly told: string;
  /** Of ENV and LABEL: what they set. */
  readonly pairs?: Pairs;
}

export const defaultShell = ['/bin/sh', '-c'];

/** Instructions that only change the config. Others give undefined. */
export function changeMetadata(
  config: RunConfig,
  instruction: Instruction,
  variables: Variables,
  escape: string,
  hasOwnCommand: boolean,
): MetadataChange | undefined {
  const word = (text: string): string => expand(text, variables, escape);
  const pairs = (): Pairs => pairsOf(instruction, escape).map(([key, value]) => [word(key), word(value)]);
  return changes[instruction.keyword]?.({ config, instruction, word, pairs, variables, escape, hasOwnCommand });
}

type Pairs = readonly (readonly [string, string])[];

interface Context {
  readonly config: RunConfig;
  readonly instruction: Instruction;
  readonly word: (text: string) => string;
  /** Of ENV and LABEL, expanded. */
  readonly pairs: () => Pairs;
  readonly variables: Variables;
  readonly escape: string;
  readonly hasOwnCommand: boolean;
}

const changes: Readonly<Record<string, (context: Context) => MetadataChange>> = {
  ENV: ({ config, pairs }) => ({
    config: { ...config, Env: pairs().reduce(withVariable, config.Env ?? []) },
    told: `ENV ${joined(pairs())}`,
    pairs: pairs(),
  }),
  LABEL: ({ config, pairs }) => ({
    config: { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs()) } },
    told: `LABEL ${joined(pairs())}`,
    pairs: pairs(),
  }),
  CMD: ({ config, instruction }) => {
    const command = instruction.json ?? shellForm(config, instruction.rest);
    return { config: { ...config, Cmd: command }, told: `CMD ${list(command)}` };
  },
  ENTRYPOINT: ({ config, instruction, hasOwnCommand }) => {
    const entrypoint = instruction.json ?? shellForm(config, instruction.rest);
    const command = hasOwnCommand ? config.Cmd : undefined;
    return {
      config: { ...config, Entrypoint: entrypoint.length === 0 ? undefined : entrypoint, Cmd: command },
      told: `ENTRYPOINT ${list(entrypoint)}`,
    };
  },
  USER: ({ config, instruction, word }) => {
    const user = word(instruction.rest);
    return { config: { ...config, User: user }, told: `USER ${user}` };
  },
  EXPOSE: ({ config, instruction, variables, escape }) => {
    const ports = expandWords(instruction.rest, variables, escape).flatMap(portsOf);
    return { config: { ...config, ExposedPorts: withKeys(config.ExposedPorts, ports) }, told: `EXPOSE ${ports.join(' ')}` };
  },
  VOLUME: ({ config, instruction, word }) => {
    const volumes = (instruction.json ?? fields(instruction.rest)).map(word);
    if (volumes.some((volume) => volume.trim() === '')) throw new KindError('invalid', 'VOLUME specified can not be an empty string');
    return { config: { ...config, Volumes: withKeys(config.Volumes, volumes) }, told: `VOLUME ${list(volumes)}` };
  },
  STOPSIGNAL: ({ config, instruction, word }) => {
    const signal = word(instruction.rest);
    signalNumber(signal);
    return { config: { ...config, StopSignal: signal }, told: `STOPSIGNAL ${signal}` };
  },
  SHELL: ({ config, instruction: { json } }) => {
    if (!json || json.length === 0) throw new KindError('invalid', 'SHELL requires the arguments to be in JSON form');
    return { config: { ...config, Shell: json }, told: `SHELL ${list(json)}` };
  },
  ONBUILD: ({ config, instruction }) => ({
    config: { ...config, OnBuild: [...(config.OnBuild ?? []), trigger(instruction)] },
    told: `ONBUILD ${instruction.rest}`,
  }),
  HEALTHCHECK: ({ config, instruction }) => {
    const health = healthOf(instruction);
    return { config: { ...config, Healthcheck: health }, told: `HEALTHCHECK ${JSON.stringify(health)}` };
  },
};

function joined(pairs: Pairs): string {
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ');
}

function withKeys(keys: RunConfig['Volumes'], more: readonly string[]): Readonly<Record<string, Record<string, never>>> {
  return { ...keys, ...Object.fromEntries(more.map((key) => [key, {}])) };
}

/** `RUN x` → `/bin/sh -c x`, with the shell that SHELL set. */
export function shellForm(config: RunConfig, command: string): readonly string[] {
  return command === '' ? [] : [...(config.Shell ?? defaultShell), command];
}

/** `K=v` replaces the value where it stands, or is added at the end. */
export function withVariable(env: readonly string[], [key, value]: readonly [string, string]): readonly string[] {
  const at = env.findIndex((entry) => entry.slice(0, entry.indexOf('=')) === key);
  return at < 0 ? [...env, `${key}=${value}`] : env.with(at, `${key}=${value}`);
}

/** `K=v K2="v 2"` or the old form `K the rest`. */
export function pairsOf(instruction: Instruction, escape: string): readonly (readonly [string, string])[] {
  const words = splitWords(instruction.rest, escape);
  const [first = ''] = words;
  if (!first.includes('=')) {
    const value = instruction.rest.slice(first.length).trim();
    if (value === '') throw new KindError('invalid', `${instruction.keyword} must have two arguments`);
    return [[first, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw wordError(word, `Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (equals === 0) throw new KindError('invalid', `${instruction.keyword} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** `8000-8002/udp` → one entry per port. An address and a port of the host before it say nothing here: `127.0.0.1:80:8080`. */
function portsOf(text: string): readonly string[] {
  const match = /^(?:(?:(?:[\d.]*|\[[\da-f:]*\]):)?(?:\d+(?:-\d+)?)?:)?(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!match || first < 1 || last > 65_535 || last < first) throw wordError(text, `invalid containerPort: ${text}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${(match[3] ?? 'tcp').toLowerCase()}`);
}

/** No variables are replaced in it. */
function healthOf({ rest, flags, line }: Instruction): HealthConfig {
  const [, kind = '', command = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (kind.toUpperCase() === 'NONE') {
    if (command !== '') throw wordError(command, 'HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (kind.toUpperCase() !== 'CMD') throw wordError(kind, `Unknown type ${JSON.stringify(kind.toUpperCase())} in HEALTHCHECK (try CMD)`);
  const json = parseInstruction(`SHELL ${command || '[]'}`, line).json;
  if (command === '' || json?.length === 0) throw new KindError('invalid', 'Missing command after HEALTHCHECK CMD');
  return {
    Test: json ? ['CMD', ...json] : ['CMD-SHELL', command],
    Interval: intervalOf('interval', flags),
    Timeout: intervalOf('timeout', flags),
    StartPeriod: intervalOf('start-period', flags),
    StartInterval: intervalOf('start-interval', flags),
    Retries: retriesOf(flags['retries']),
  };
}

/** Nanoseconds; nothing and 0 are the default. */
function intervalOf(name: string, flags: Instruction['flags']): number | undefined {
  const text = flags[name] ?? '';
  const duration = text === '' ? 0 : parseDuration(text);
  if (duration > 0 && duration < 1e6) throw wordError(text, `Interval "${name}" cannot be less than 1ms`);
  return duration || undefined;
}

function retriesOf(text = ''): number | undefined {
  if (/^-\d+$/.test(text)) throw wordError(text, `--retries cannot be negative (${text})`);
  if (/^\d{0,9}$/.test(text)) return Number(text) || undefined;
  throw wordError(text, `HEALTHCHECK: invalid value "${text}" for --retries`);
}

/** The trigger as a Dockerfile would have it, here-documents and all. */
function trigger({ rest, line, heredocs }: Instruction): string {
  const inner = parseInstruction(rest, line);
  if (inner.keyword === 'ONBUILD') throw new KindError('invalid', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (inner.keyword === 'FROM' || inner.keyword === 'MAINTAINER')
    throw new KindError('invalid', `${inner.keyword} isn't allowed as an ONBUILD trigger`);
  return [rest, ...heredocs.map(({ content, name }) => `${content}${name}`)].join('\n');
}

function list(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(' ')}]`;
}
