import { KindError, type ErrorKind } from '../../base/errors.ts';

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const statusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Begins the details of a call that reached nobody. */
export const noConnection = 'no connection';

/** How a call to one member ended: a gRPC statusCode. */
export interface CallFailure {
  readonly code: number;
  readonly details: string;
}

/**
 * What to do about a failed call.
 *   elsewhere  the member did not take it: another may
 *   unknown    it may or may not have been carried out; a read may be tried elsewhere
 *   final      every member would answer the same
 */
export type Verdict = 'elsewhere' | 'unknown' | 'final';

/** Answers of a member that refuses before it proposes anything to the others. */
const refused = /^etcdserver: (no leader|not capable|unhealthy cluster|rpc not supported for learner)|^no connection/;

export function verdictOf({ code, details }: CallFailure): Verdict {
  if (code === statusCode.UNAVAILABLE) return refused.test(details) ? 'elsewhere' : 'unknown';
  const isUnclear =
    code === statusCode.DEADLINE_EXCEEDED || code === statusCode.CANCELLED || code === statusCode.INTERNAL || code === statusCode.UNKNOWN;
  return isUnclear ? 'unknown' : 'final';
}

const kinds: Readonly<Record<number, ErrorKind>> = {
  [statusCode.INVALID_ARGUMENT]: 'invalid',
  [statusCode.FAILED_PRECONDITION]: 'invalid',
  [statusCode.NOT_FOUND]: 'notFound',
  [statusCode.PERMISSION_DENIED]: 'forbidden',
  [statusCode.UNAUTHENTICATED]: 'unauthorized',
  [statusCode.RESOURCE_EXHAUSTED]: 'tooMany',
  [statusCode.UNAVAILABLE]: 'unavailable',
  [statusCode.DEADLINE_EXCEEDED]: 'unavailable',
  [statusCode.CANCELLED]: 'unavailable',
};

/** `no connection: connect ECONNREFUSED 127.0.0.1:1` → `connect ECONNREFUSED 127.0.0.1:1` */
export function reasonOf({ details }: CallFailure): string {
  return details.replace(new RegExp(`^${noConnection}: `), '');
}

/** What is known to help. */
const advice: readonly (readonly [RegExp, string])[] = [
  [
    /database space exceeded/,
    'etcd has reached its --quota-backend-bytes: run `davit store compact`, then `davit store defragment`, then `etcdctl alarm disarm`',
  ],
  [/too many operations in txn/, 'start etcd with a higher --max-txn-ops'],
  [/request is too large/, 'the object is larger than etcd takes (--max-request-bytes, 1.5 MiB unless told)'],
  [
    /user name is empty|permission denied/,
    'davit logs in by client certificate only: give the one of a user with the root role (--etcd-certfile, --etcd-keyfile)',
  ],
];

export function errorOf(failure: CallFailure, doing: string): KindError {
  if (isCompacted(failure)) return new KindError('expired', `${doing}: ${failure.details}`);
  const help = advice.find(([pattern]) => pattern.test(failure.details))?.[1];
  return new KindError(kinds[failure.code] ?? 'internal', `${doing}: ${reasonOf(failure)}${help ? ` (${help})` : ''}`);
}

export function isCompacted({ code, details }: CallFailure): boolean {
  return code === statusCode.OUT_OF_RANGE && details.includes('compacted');
}

/** No member could be asked: says of each why, and what to do. */
export function unreachable(doing: string, failures: ReadonlyMap<string, string>): KindError {
  const each = [...failures].map(([endpoint, why]) => `${endpoint}: ${why}`).join('; ');
  return new KindError('unavailable', `${doing}: no etcd endpoint answered (${each}). ${remedy(each)}`);
}

function remedy(failures: string): string {
  if (/certificate|altnames/i.test(failures))
    return 'Check --etcd-cafile, --etcd-certfile and --etcd-keyfile against the certificates etcd was started with.';
  if (/wrong version number|socket hang up|ECONNRESET|protocol|NGHTTP2/i.test(failures))
    return 'Check that the endpoints say https:// where etcd uses TLS, and http:// where it does not.';
  return 'Check that etcd runs and that --etcd-endpoints names its client URLs.';
}
