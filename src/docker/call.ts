import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { parseBody, type Shape } from '../api/docker/shape.ts';
import { KindError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Engine } from '../engine/engine.ts';
import type { Reply } from './reply.ts';

/** Facts about this server that answers repeat. */
export interface ServerFacts {
  readonly version: string;
  readonly cgroupVersion: 1 | 2;
  readonly startedAt: Date;
}

/** One request: what was asked, and the reply to fill. */
export interface Call {
  readonly engine: Engine;
  readonly facts: ServerFacts;
  readonly log: Log;
  readonly request: IncomingMessage;
  /** The request's body; also behind an upgrade. */
  readonly body: Readable;
  /** Named parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** 41 for /v1.41. */
  readonly minor: number;
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal;
  readonly reply: Reply;
}

export type Handler = (call: Call) => Promise<void>;

const largestJson = 8 * 1024 * 1024;

export async function jsonBody<T>(call: Call, shape: Shape<T>, options?: { readonly allowEmpty: boolean }): Promise<T> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of call.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestJson) throw new KindError('invalid', `invalid JSON: request body is larger than ${largestJson} bytes`);
    chunks.push(chunk);
  }
  return parseBody(Buffer.concat(chunks).toString(), shape, options);
}

/** Docker's booleans in query strings: absent, empty, `0`, `no`, `false`, `none` are false, everything else is true. */
export function flagParam(query: URLSearchParams, name: string): boolean {
  const value = (query.get(name) ?? '').trim().toLowerCase();
  return !['', '0', 'no', 'false', 'none'].includes(value);
}

/** As `flagParam`, with its own answer when the parameter is absent. */
export function flagParamOr(query: URLSearchParams, name: string, absent: boolean): boolean {
  return query.has(name) ? flagParam(query, name) : absent;
}

export function integerParam(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d+$/.test(value)) throw new KindError('invalid', `strconv.Atoi: parsing "${value}": invalid syntax (parameter ${name})`);
  return Number(value);
}

/** A part of the path that the route's pattern guarantees. */
export function param(call: Call, name: string): string {
  return call.params[name] ?? '';
}
