import type { Status } from '../../api/kubernetes/types.generated.ts';
import { KindError, type ErrorKind } from '../../base/errors.ts';

const byReason: Readonly<Record<string, ErrorKind>> = {
  NotFound: 'notFound',
  AlreadyExists: 'alreadyExists',
  Conflict: 'conflict',
  Gone: 'expired',
  Expired: 'expired',
  Forbidden: 'forbidden',
  Unauthorized: 'unauthorized',
  Invalid: 'invalid',
  BadRequest: 'invalid',
  NotAcceptable: 'invalid',
  RequestEntityTooLarge: 'invalid',
  UnsupportedMediaType: 'invalid',
  TooManyRequests: 'tooMany',
  ServiceUnavailable: 'unavailable',
  ServerTimeout: 'unavailable',
  Timeout: 'unavailable',
  MethodNotAllowed: 'notImplemented',
  InternalError: 'internal',
};

const byCode: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  405: 'notImplemented',
  409: 'conflict',
  410: 'expired',
  422: 'invalid',
  429: 'tooMany',
  501: 'notImplemented',
  503: 'unavailable',
  504: 'unavailable',
};

/** The error that a Status stands for; the Status is its `details`. */
export function statusError(code: number, body: string): KindError {
  const status = parseStatus(body);
  const kind = byReason[status?.reason ?? ''] ?? byCode[status?.code ?? code] ?? 'internal';
  return new KindError(kind, status?.message ?? `the server answered ${code}: ${body.slice(0, 200)}`, { details: status });
}

function parseStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'Status' ? (parsed as Status) : undefined;
  } catch {
    return undefined;
  }
}
