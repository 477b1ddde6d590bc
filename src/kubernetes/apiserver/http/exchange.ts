import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { load } from 'js-yaml';
import { decodeProtobuf } from '../../../api/kubernetes/protobuf.ts';
import { messageOf } from '../../../base/errors.ts';
import type { User } from '../access/user.ts';
import { apiError, statusOf } from '../status.ts';

/** What HTTP/1.1 and HTTP/2 responses have in common. */
export interface Outgoing {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly statusCode: number;
  writeHead(code: number, headers: OutgoingHttpHeaders): unknown;
  write(chunk: string | Uint8Array): boolean;
  end(chunk?: string | Uint8Array): unknown;
  /** Ends without what is still to be sent. */
  destroy(): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** One request and its answer, whatever carries it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly user: User;
  /** Where the connection comes from. */
  readonly remoteAddress?: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly body: AsyncIterable<Uint8Array>;
  readonly outgoing: Outgoing;
}

const bodyLimit = 3 * 1024 * 1024;
/** More than is kept is read to here: a connection that ends while its client still sends takes the refusal with it. */
const patience = 64 * 1024 * 1024;

export async function readBody(exchange: Exchange): Promise<string> {
  return (await readBytes(exchange)).toString('utf8');
}

async function readBytes(exchange: Exchange): Promise<Buffer> {
  const encoding = exchange.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw apiError('UnsupportedMediaType', `the body has the content encoding ${encoding}: send it as it is`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of exchange.body) {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
    else chunks.length = 0;
    if (size > patience) break;
  }
  if (size > bodyLimit) throw apiError('RequestEntityTooLarge', `Request entity too large: limit is ${bodyLimit}`);
  return Buffer.concat(chunks);
}

export function mediaType(exchange: Exchange): string {
  return (exchange.headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
}

const protobuf = 'application/vnd.kubernetes.protobuf';

/** JSON, or YAML or protobuf where the content type says so; undefined for an empty body. */
export async function readObject(exchange: Exchange): Promise<unknown> {
  const type = mediaType(exchange);
  if (type === protobuf) return readProtobuf(await readBytes(exchange));
  if (type !== 'application/json' && type !== 'application/yaml' && type !== '*/*')
    throw unsupported(['application/json', 'application/yaml']);
  const text = await readBody(exchange);
  return text.trim() === '' ? undefined : parseText(text, type === 'application/yaml');
}

/** Typed commands of kubectl send it; what is not understood is refused as a media type. */
function readProtobuf(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    throw apiError('UnsupportedMediaType', messageOf(error));
  }
}

/** Deeper than this nothing is read: whatever walks an object must come back. */
const deepest = 1000;

function assertDepth(text: string): void {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x5b || code === 0x7b) depth += 1;
    else if (code === 0x5d || code === 0x7d) depth -= 1;
    if (depth > deepest) throw apiError('BadRequest', `couldn't get version/kind; json parse error: exceeded max depth ${deepest}`);
  }
}

export function parseText(text: string, isYaml: boolean): unknown {
  assertDepth(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!isYaml) throw apiError('BadRequest', `couldn't get version/kind; json parse error: ${messageOf(error)}`);
  }
  try {
    return load(text);
  } catch (error) {
    throw apiError('BadRequest', `error decoding YAML: ${messageOf(error)}`);
  }
}

export function unsupported(types: readonly string[]): Error {
  return apiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
  );
}

export interface Extra {
  readonly warnings?: readonly string[];
  readonly type?: string;
}

export function sendText(
  exchange: Exchange,
  code: number,
  text: string | Uint8Array,
  type: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = typeof text === 'string' ? Buffer.from(text) : text;
  exchange.outgoing.writeHead(code, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'no-cache, private',
    ...headers,
  });
  exchange.outgoing.end(exchange.method === 'HEAD' ? undefined : body);
}

/** A body that is made while it is sent, as fast as the client takes it; a short one is sent whole. */
export async function sendPieces(exchange: Exchange, pieces: Iterator<string>, type: string): Promise<void> {
  const { outgoing } = exchange;
  const [first, second] = [pieces.next(), pieces.next()];
  if (first.done || second.done || exchange.method === 'HEAD') {
    const rest = second.done ? '' : [second.value, ...Iterator.from(pieces)].join('');
    return sendText(exchange, 200, `${first.done ? '' : first.value}${rest}`, type);
  }
  outgoing.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache, private' });
  outgoing.write(first.value);
  for (let piece: IteratorResult<string> = second; !piece.done && !exchange.signal.aborted; piece = pieces.next()) {
    const isTaken = outgoing.write(piece.value);
    // Others get their turn between two pieces, and what is written is sent.
    await (isTaken ? setImmediate() : drained(exchange));
  }
  outgoing.end();
}

/** Until the client took what was written, or is gone. */
export function drained({ outgoing, signal }: Exchange): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  const done = (): void => {
    outgoing.off('drain', done);
    outgoing.off('close', done);
    resolve();
  };
  outgoing.once('drain', done);
  outgoing.once('close', done);
  return promise;
}

export function sendJson(exchange: Exchange, code: number, text: string, extra: Extra = {}): void {
  const warnings = (extra.warnings ?? []).map((warning) => `299 - ${JSON.stringify(warning)}`);
  const headers: OutgoingHttpHeaders = {};
  if (warnings.length > 0) headers['warning'] = warnings.join(', ');
  sendText(exchange, code, text, extra.type ?? 'application/json', headers);
}

export function sendError(exchange: Exchange, error: unknown): void {
  const status = statusOf(error);
  if (exchange.outgoing.headersSent) {
    exchange.outgoing.end();
    return;
  }
  const retry = status.details?.retryAfterSeconds;
  const headers: OutgoingHttpHeaders = {};
  if (retry !== undefined) headers['retry-after'] = String(retry);
  sendText(exchange, status.code, JSON.stringify(status), 'application/json', headers);
}
