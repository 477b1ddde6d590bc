/** What went wrong, in the one vocabulary that every layer shares. Each protocol maps a kind to its status code in one table. */
export type ErrorKind =
  | 'invalid'
  | 'notFound'
  | 'alreadyExists'
  | 'conflict'
  | 'expired'
  | 'forbidden'
  | 'unauthorized'
  | 'tooMany'
  | 'unavailable'
  | 'canceled'
  | 'notImplemented'
  | 'internal';

/**
 * The only error that is expected to reach a user. The message says what was being done,
 * what is wrong and what to do; `details` carries protocol-neutral facts for an encoder
 * (for example the field causes of an invalid manifest).
 */
export class KindError extends Error {
  readonly kind: ErrorKind;
  readonly details: unknown;

  constructor(kind: ErrorKind, message: string, options: { cause?: unknown; details?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KindError';
    this.kind = kind;
    this.details = options.details;
  }
}

/** The kind of any thrown value: aborts are `canceled`, whatever carries no kind is `internal`. */
export function kindOf(error: unknown): ErrorKind {
  if (error instanceof KindError) return error.kind;
  if (error instanceof Error && error.name === 'AbortError') return 'canceled';
  return 'internal';
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return kindOf(error) === kind;
}

/** `wrap(err, 'pull nginx:1.27')` → `pull nginx:1.27: <message of err>`, same kind and details, `err` as cause. */
export function wrap(error: unknown, doing: string): KindError {
  const details = error instanceof KindError ? error.details : undefined;
  return new KindError(kindOf(error), `${doing}: ${messageOf(error)}`, { cause: error, details });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node.js system error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
