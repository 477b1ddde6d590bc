import { newUid } from '../../../base/ids.ts';
import { decodeProtobuf } from '../../../api/kubernetes/protobuf.ts';
import type { Attributes } from '../access/attributes.ts';
import { userInfo } from '../access/reviews.ts';
import type { User } from '../access/user.ts';
import type { Exchange, Outgoing } from '../http/exchange.ts';
import { mediaType, parseText } from '../http/exchange.ts';
import { isObject, objectsOf, type JsonObject } from '../json.ts';
import { extentOf, levels, type AuditPolicy, type Level, type Stage } from './policy.ts';

/** Where events go, and what of them is wanted. */
export interface Audit {
  readonly policy: AuditPolicy;
  write(line: string): void;
}

export interface Asked {
  /** Who asks, and as whom they act. */
  readonly user: User | undefined;
  readonly impersonated?: User;
  readonly attributes: Attributes;
  readonly decision?: { readonly allowed: boolean; readonly reason?: string };
  readonly version?: string;
}

/** What is answered for as long as the client likes: its beginning is an event of its own, its content none. */
const streamed = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
const isLong = (asked: Attributes): boolean => !('path' in asked) && (asked.verb === 'watch' || streamed.has(asked.subresource ?? ''));

/** More of a body than this is not written down. */
const largest = 3 * 1024 * 1024;

/** The exchange with everything noted that its rule wants; the same exchange where that is nothing. */
export function audited(audit: Audit, exchange: Exchange, asked: Asked): { readonly exchange: Exchange; panicked(message: string): void } {
  const extent = extentOf(audit.policy, asked.user, asked.attributes);
  if (extent.level === 'None') return { exchange, panicked: () => undefined };
  const isResource = !('path' in asked.attributes);
  const isAtLeast = (level: Level): boolean => levels.indexOf(extent.level) >= levels.indexOf(level);
  const request = isResource && isAtLeast('Request') ? new Collected() : undefined;
  const response = isResource && isAtLeast('RequestResponse') && !isLong(asked.attributes) ? new Collected() : undefined;
  const received = new Date();
  const auditID = newUid();
  let code = 0;
  let isFinished = false;
  const shown = (value: unknown): unknown => (extent.omitManagedFields ? withoutManagedFields(value) : value);
  const emit = (stage: Stage, more: object = {}): void => {
    if (isFinished || extent.omitStages.includes(stage)) return;
    const event = { ...eventOf(exchange, asked, { auditID, level: extent.level, stage, received }), ...more };
    audit.write(JSON.stringify(event));
  };
  emit('RequestReceived');
  const complete = (): void => {
    const answered = response?.json();
    const sent = code === 0 ? undefined : statusOf(code, answered);
    const requestObject = request && requestObjectOf(exchange, request);
    emit('ResponseComplete', {
      ...(sent && { responseStatus: sent }),
      ...(requestObject !== undefined && { requestObject: shown(requestObject) }),
      ...(answered !== undefined && { responseObject: shown(answered) }),
    });
    isFinished = true;
  };
  exchange.outgoing.once('close', complete);
  const started = (now: number): void => {
    code = now;
    if (isLong(asked.attributes)) emit('ResponseStarted', { responseStatus: statusOf(now, undefined) });
  };
  return {
    exchange: {
      ...exchange,
      body: request ? request.reading(exchange.body) : exchange.body,
      outgoing: watched(exchange.outgoing, { auditID, started, response }),
    },
    panicked: (message) => {
      emit('Panic', {
        responseStatus: { metadata: {}, status: 'Failure', message: `APIServer panic'd: ${message}`, reason: 'InternalError', code: 500 },
      });
      isFinished = true;
    },
  };
}

function eventOf(
  { method, path, query, headers, remoteAddress }: Exchange,
  { user, impersonated, attributes, decision, version }: Asked,
  { auditID, level, stage, received }: { readonly auditID: string; readonly level: Level; readonly stage: Stage; readonly received: Date },
): object {
  const text = query.toString();
  const from = [headers['x-forwarded-for'] ?? []].flat().flatMap((one) => one.split(',').map((part) => part.trim()));
  const sourceIPs = remoteAddress === undefined || from.at(-1) === remoteAddress ? from : [...from, remoteAddress];
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID,
    stage,
    requestURI: text === '' ? path : `${path}?${text}`,
    verb: 'path' in attributes ? method.toLowerCase() : attributes.verb,
    user: user ? userInfo(user) : {},
    ...(impersonated && { impersonatedUser: userInfo(impersonated) }),
    ...(sourceIPs.length > 0 && { sourceIPs }),
    ...(headers['user-agent'] && { userAgent: headers['user-agent'] }),
    ...(!('path' in attributes) && { objectRef: referenceOf(attributes, version) }),
    requestReceivedTimestamp: microTime(received),
    stageTimestamp: microTime(new Date()),
    ...(decision && {
      annotations: {
        'authorization.k8s.io/decision': decision.allowed ? 'allow' : 'forbid',
        'authorization.k8s.io/reason': decision.reason ?? '',
      },
    }),
  };
}

function referenceOf(asked: Exclude<Attributes, { readonly path: string }>, apiVersion: string | undefined): object {
  const { resource, namespace, name, group, subresource } = asked;
  return {
    resource,
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(group && { apiGroup: group }),
    ...(apiVersion && { apiVersion }),
    ...(subresource && { subresource }),
  };
}

const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');

/** A failure's own Status; of what went well the code alone. */
function statusOf(code: number, answered: unknown): object {
  if (isObject(answered) && answered['kind'] === 'Status' && answered['status'] === 'Failure') {
    const { kind: _kind, apiVersion: _version, ...status } = answered;
    return status;
  }
  return { metadata: {}, code };
}

/** Bytes that go by. */
class Collected {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  add(chunk: string | Uint8Array): void {
    this.#size += chunk.length;
    if (this.#size <= largest) this.#chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  }

  async *reading(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.add(chunk);
      yield chunk;
    }
  }

  bytes(): Buffer | undefined {
    return this.#size > 0 && this.#size <= largest ? Buffer.concat(this.#chunks) : undefined;
  }

  json(): unknown {
    try {
      return JSON.parse(this.bytes()?.toString('utf8') ?? '') as unknown;
    } catch {
      return undefined;
    }
  }
}

/** What was sent, as JSON whatever it came as; undefined where it cannot be read. */
function requestObjectOf(exchange: Exchange, collected: Collected): unknown {
  const bytes = collected.bytes();
  if (!bytes) return undefined;
  const type = mediaType(exchange);
  try {
    return type === 'application/vnd.kubernetes.protobuf'
      ? decodeProtobuf(bytes)
      : parseText(bytes.toString('utf8'), type.endsWith('yaml'));
  } catch {
    return undefined;
  }
}

function withoutManagedFields(value: unknown): unknown {
  if (!isObject(value)) return value;
  const without = (object: JsonObject): JsonObject => {
    if (!isObject(object['metadata'])) return object;
    const { managedFields: _fields, ...metadata } = object['metadata'];
    return { ...object, metadata };
  };
  return value['items'] === undefined ? without(value) : { ...value, items: objectsOf(value['items']).map(without) };
}

/** The same answer, with its head and, where it is wanted, its body seen. */
function watched(
  outgoing: Outgoing,
  { auditID, started, response }: { readonly auditID: string; started(code: number): void; readonly response: Collected | undefined },
): Outgoing {
  return new Proxy(outgoing, {
    get(target, name) {
      if (name === 'writeHead') {
        return (code: number, headers: Parameters<Outgoing['writeHead']>[1]) => {
          started(code);
          return target.writeHead(code, { ...headers, 'audit-id': auditID });
        };
      }
      if ((name === 'write' || name === 'end') && response) {
        return (chunk?: string | Uint8Array) => {
          if (chunk !== undefined) response.add(chunk);
          return name === 'write' ? target.write(chunk ?? '') : target.end(chunk);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value;
    },
  });
}
