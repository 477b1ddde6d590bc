import { delay } from '../../base/abort.ts';
import { KindError, wrap } from '../../base/errors.ts';
import { errorOf, reasonOf, unreachable, verdictOf } from './failures.ts';
import { CallError, GrpcSession, type TlsTexts } from './grpc-session.ts';
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
  readonly tls?: TlsTexts;
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
  readonly session: GrpcSession;
}

const defaultPatienceMs = 15_000;
const pauseMs = 100;

/** The part of etcd's API v3 that the store needs, over several endpoints. */
export class EtcdClient implements Disposable {
  readonly #members: readonly Member[];
  readonly #patienceMs: number;
  #current = 0;

  constructor({ endpoints, tls, patienceMs = defaultPatienceMs }: EtcdOptions) {
    if (endpoints.length === 0) throw new KindError('invalid', 'etcd needs at least one endpoint: --etcd-endpoints=https://127.0.0.1:2379');
    this.#members = endpoints.map((endpoint) => ({ endpoint, session: new GrpcSession(parseEndpoint(endpoint).origin, tls) }));
    this.#patienceMs = patienceMs;
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
    const take = (message: Buffer): void => visit(decodeWatch(message));
    try {
      await member.session.stream('/etcdserverpb.Watch/Watch', encodeWatchAll({ from }), take, signal);
    } catch (error) {
      this.#leave(member);
      if (signal.aborted) return;
      throw error instanceof CallError ? errorOf(error, `watch etcd at ${member.endpoint}`) : error;
    }
  }

  [Symbol.dispose](): void {
    for (const { session } of this.#members) session[Symbol.dispose]();
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
        return await unary(member, method, request);
      } catch (error) {
        if (!(error instanceof CallError)) throw wrap(error, method.doing);
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
      return await unary(member, method, {});
    } catch (error) {
      const doing = `${method.doing} at ${member.endpoint}`;
      throw error instanceof CallError ? errorOf(error, doing) : wrap(error, doing);
    }
  }
}

function outcomeUnknown(doing: string, member: Member, failure: CallError): KindError {
  return new KindError(
    'unavailable',
    `${doing}: ${member.endpoint}: ${reasonOf(failure)} (it may have been written or not: read before trying again)`,
  );
}

async function unary<Request, Response>({ session }: Member, method: Method<Request, Response>, request: Request): Promise<Response> {
  return method.decode(await session.unary(`/etcdserverpb.${method.path}`, method.encode(request), method.attemptMs));
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.port !== '') return url;
  throw new KindError('invalid', `etcd endpoint "${endpoint}": want http://host:port or https://host:port, such as https://127.0.0.1:2379`);
}
