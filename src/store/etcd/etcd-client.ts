import { Client, credentials, Metadata, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { delay } from '../../base/abort.ts';
import { KindError, wrap } from '../../base/errors.ts';
import { errorOf, reasonOf, unreachable, verdictOf } from './failures.ts';
import {
  decodeNothing,
  decodeRange,
  decodeStatus,
  decodeTxn,
  decodeWatch,
  encodeCompaction,
  encodeRange,
  encodeTxn,
  encodeWatchAll,
  type RangeRequest,
  type RangeResponse,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchResponse,
} from './messages.ts';

export interface EtcdOptions {
  /** `https://10.0.0.1:2379`; the first that answers is used, the others when it fails. */
  readonly endpoints: readonly string[];
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** How long a call goes on trying the endpoints. */
  readonly patienceMs?: number;
}

interface Method<Request, Response> {
  readonly path: string;
  readonly doing: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (message: Buffer) => Response;
  /** Carrying it out twice is as good as once. */
  readonly isRepeatable: boolean;
  /** How long one member may take. etcd itself gives up after 7 s when a leader is lost meanwhile. */
  readonly attemptMs: number;
}

const empty = (): Buffer => Buffer.alloc(0);
const repeatable = { isRepeatable: true, attemptMs: 8_000 };
const methods = {
  range: { ...repeatable, path: 'KV/Range', doing: 'read from etcd', encode: encodeRange, decode: decodeRange },
  // A read that was under way when the leader was lost is answered by nobody: ask again soon.
  revision: { ...repeatable, path: 'KV/Range', doing: 'read from etcd', encode: encodeRange, decode: decodeRange, attemptMs: 1_500 },
  txn: { ...repeatable, path: 'KV/Txn', doing: 'write to etcd', encode: encodeTxn, decode: decodeTxn, isRepeatable: false },
  compact: { ...repeatable, path: 'KV/Compact', doing: 'compact etcd', encode: encodeCompaction, decode: decodeNothing },
  status: { ...repeatable, path: 'Maintenance/Status', doing: 'ask etcd for its status', encode: empty, decode: decodeStatus },
  defragment: {
    ...repeatable,
    path: 'Maintenance/Defragment',
    doing: 'defragment etcd',
    encode: empty,
    decode: decodeNothing,
    attemptMs: 600_000,
  },
} as const;

interface Member {
  readonly endpoint: string;
  readonly client: Client;
}

const defaultPatienceMs = 15_000;
const pauseMs = 100;

/** The part of etcd's API v3 that the store needs, over several endpoints. */
export class EtcdClient implements Disposable {
  readonly #members: readonly Member[];
  readonly #patienceMs: number;
  /** Members that have lost their leader refuse at once instead of letting the caller wait. */
  readonly #metadata = new Metadata();
  #current = 0;

  constructor({ endpoints, tls, patienceMs = defaultPatienceMs }: EtcdOptions) {
    if (endpoints.length === 0) throw new KindError('invalid', 'etcd needs at least one endpoint: --etcd-endpoints=https://127.0.0.1:2379');
    this.#members = endpoints.map((endpoint) => ({ endpoint, client: connect(endpoint, tls) }));
    this.#patienceMs = patienceMs;
    this.#metadata.set('hasleader', 'true');
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#call(methods.range, request);
  }

  /** The newest revision that any member acknowledged. Any linearizable read tells it; this key does not exist. */
  async newestRevision(): Promise<number> {
    return (await this.#call(methods.revision, { key: '\0', keysOnly: true })).revision;
  }

  /** `unavailable` leaves open whether it was carried out. */
  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#call(methods.txn, request);
  }

  async compact(revision: number): Promise<void> {
    await this.#call(methods.compact, { revision });
  }

  /** One per endpoint, in order. */
  statuses(): Promise<readonly (StatusResponse & { readonly endpoint: string })[]> {
    return Promise.all(
      this.#members.map(async (member) => ({ ...(await this.#askOne(methods.status, member)), endpoint: member.endpoint })),
    );
  }

  /** Gives free pages back to the disk, one member after the other: each is deaf meanwhile. */
  async defragment(): Promise<void> {
    for (const member of this.#members) await this.#askOne(methods.defragment, member);
  }

  /** Every change of every key from a revision on, until the signal aborts. Throws when the stream breaks; call again to go on. */
  async watchAll(from: number, visit: (response: WatchResponse) => void, signal: AbortSignal): Promise<void> {
    const member = this.#member();
    const { promise, reject } = Promise.withResolvers<never>();
    const stream = member.client.makeBidiStreamRequest('/etcdserverpb.Watch/Watch', encodeWatchAll, decodeWatch, this.#metadata);
    const cancel = (): void => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    stream.on('data', (response: WatchResponse) => {
      try {
        visit(response);
      } catch (error) {
        reject(error);
        cancel();
      }
    });
    stream.on('error', (error: ServiceError) => reject(errorOf(error, `watch etcd at ${member.endpoint}`)));
    stream.on('end', () => reject(new KindError('unavailable', `watch etcd at ${member.endpoint}: the stream ended`)));
    stream.write({ from });
    if (signal.aborted) cancel();
    try {
      await promise;
    } catch (error) {
      this.#leave(member);
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#members) client.close();
  }

  #member(): Member {
    return this.#members[this.#current] as Member;
  }

  /** The next endpoint takes over, unless somebody has already seen to that. */
  #leave(member: Member): void {
    if (this.#member() === member) this.#current = (this.#current + 1) % this.#members.length;
  }

  async #call<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const deadline = performance.now() + this.#patienceMs;
    const failures = new Map<string, string>();
    for (let attempt = 1; ; attempt += 1) {
      const member = this.#member();
      try {
        return await unary(member, method, request, this.#metadata);
      } catch (error) {
        if (!isServiceError(error)) throw wrap(error, method.doing);
        const verdict = verdictOf(error);
        if (verdict === 'final') throw errorOf(error, method.doing);
        this.#leave(member);
        failures.set(member.endpoint, reasonOf(error));
        if (verdict === 'unknown' && !method.isRepeatable) throw outcomeUnknown(method.doing, member, error);
        if (performance.now() > deadline) throw unreachable(method.doing, failures);
        if (attempt % this.#members.length === 0) await delay(pauseMs);
      }
    }
  }

  async #askOne<Response>(method: Method<object, Response>, member: Member): Promise<Response> {
    try {
      return await unary(member, method, {}, new Metadata());
    } catch (error) {
      const doing = `${method.doing} at ${member.endpoint}`;
      throw isServiceError(error) ? errorOf(error, doing) : wrap(error, doing);
    }
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'details' in error && 'code' in error;
}

function outcomeUnknown(doing: string, member: Member, failure: ServiceError): KindError {
  return new KindError(
    'unavailable',
    `${doing}: ${member.endpoint}: ${reasonOf(failure)} (it may have been written or not: read before trying again)`,
  );
}

function unary<Request, Response>(
  { client }: Member,
  { path, encode, decode, attemptMs }: Method<Request, Response>,
  request: Request,
  metadata: Metadata,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const deadline = Date.now() + attemptMs;
  // A closed client throws at once, and without a status.
  client.makeUnaryRequest(`/etcdserverpb.${path}`, encode, decode, request, metadata, { deadline }, (error, response) => {
    if (error) reject(error);
    else resolve(response as Response);
  });
  return promise;
}

function connect(endpoint: string, tls: EtcdOptions['tls']): Client {
  const url = parseEndpoint(endpoint);
  return new Client(url.host, url.protocol === 'https:' ? secure(url.hostname, tls) : credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    // TLS names no addresses (RFC 6066): the certificate is checked against the address by `secure` instead.
    ...(isIP(bareHost(url.hostname)) > 0 && { 'grpc.ssl_target_name_override': 'etcd' }),
  });
}

function secure(host: string, { ca, cert, key }: NonNullable<EtcdOptions['tls']> = {}): ChannelCredentials {
  const bytes = (pem: string | undefined): Buffer | null => (pem === undefined ? null : Buffer.from(pem));
  return credentials.createSsl(bytes(ca), bytes(key), bytes(cert), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(bareHost(host), certificate as PeerCertificate),
  });
}

/** `[::1]` → `::1` */
function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.port !== '') return url;
  throw new KindError('invalid', `etcd endpoint "${endpoint}": want http://host:port or https://host:port, such as https://127.0.0.1:2379`);
}
