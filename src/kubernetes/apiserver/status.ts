import { KindError, kindOf, messageOf, type ErrorKind } from '../../base/errors.ts';
import { isObject } from './json.ts';

/** Why a request failed, in the words of apimachinery's metav1.StatusReason. */
export type Reason = keyof typeof reasons;

/** Reason → HTTP status and the kind that in-process callers see. The only place that knows status codes. */
const reasons = {
  BadRequest: { code: 400, kind: 'invalid' },
  Unauthorized: { code: 401, kind: 'unauthorized' },
  Forbidden: { code: 403, kind: 'forbidden' },
  NotFound: { code: 404, kind: 'notFound' },
  MethodNotAllowed: { code: 405, kind: 'invalid' },
  NotAcceptable: { code: 406, kind: 'invalid' },
  AlreadyExists: { code: 409, kind: 'alreadyExists' },
  Conflict: { code: 409, kind: 'conflict' },
  Gone: { code: 410, kind: 'expired' },
  Expired: { code: 410, kind: 'expired' },
  RequestEntityTooLarge: { code: 413, kind: 'invalid' },
  UnsupportedMediaType: { code: 415, kind: 'invalid' },
  Invalid: { code: 422, kind: 'invalid' },
  TooManyRequests: { code: 429, kind: 'tooMany' },
  InternalError: { code: 500, kind: 'internal' },
  NotImplemented: { code: 501, kind: 'notImplemented' },
  ServiceUnavailable: { code: 503, kind: 'unavailable' },
  Timeout: { code: 504, kind: 'canceled' },
} as const satisfies Record<string, { readonly code: number; readonly kind: ErrorKind }>;

const reasonOfKind: Readonly<Record<ErrorKind, Reason>> = {
  invalid: 'BadRequest',
  notFound: 'NotFound',
  alreadyExists: 'AlreadyExists',
  conflict: 'Conflict',
  expired: 'Expired',
  forbidden: 'Forbidden',
  unauthorized: 'Unauthorized',
  tooMany: 'TooManyRequests',
  unavailable: 'ServiceUnavailable',
  canceled: 'Timeout',
  notImplemented: 'NotImplemented',
  internal: 'InternalError',
};

export interface FieldCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly FieldCause[];
  readonly retryAfterSeconds?: number;
}

/** metav1.Status of a failure. */
export interface FailureStatus {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  /** How to go on with a list that expired. */
  readonly metadata: { readonly continue?: string };
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: Reason;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** What the error names: `pods "web"`, `deployments.apps "web"`. */
export interface Subject {
  readonly group: string;
  readonly resource: string;
  readonly kind: string;
}

export function qualified(subject: Subject): string {
  return subject.group ? `${subject.resource}.${subject.group}` : subject.resource;
}

/** A KindError whose details are the Status that the server answers. */
export function apiError(reason: Reason, message: string, details?: StatusDetails, metadata: FailureStatus['metadata'] = {}): KindError {
  const { code, kind } = reasons[reason];
  const status: FailureStatus = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata,
    status: 'Failure',
    message,
    reason,
    ...(details && { details }),
    code,
  };
  return new KindError(kind, message, { details: status });
}

export function notFound(subject: Subject, name: string): KindError {
  return apiError('NotFound', `${qualified(subject)} "${name}" not found`, detailsOf(subject, name));
}

export function alreadyExists(subject: Subject, name: string): KindError {
  return apiError('AlreadyExists', `${qualified(subject)} "${name}" already exists`, detailsOf(subject, name));
}

export function conflict(subject: Subject, name: string, why: string): KindError {
  return apiError('Conflict', `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`, detailsOf(subject, name));
}

export const modifiedText = 'the object has been modified; please apply your changes to the latest version and try again';

/** A refusal by somebody else's rule, with the reason and the code that it names; `Forbidden` where it names none. */
export function denied(message: string, reason = '', code = 0, details?: StatusDetails): KindError {
  const known = reason in reasons ? (reason as Reason) : 'Forbidden';
  const error = apiError(known, message, details && { ...details, causes: [{ reason: '', message, field: '' }] });
  if (code < 400 || code > 599) return error;
  return new KindError(error.kind, message, { details: { ...(error.details as FailureStatus), code } });
}

export function forbidden(subject: Subject, name: string, why: string): KindError {
  return apiError('Forbidden', `${qualified(subject)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, detailsOf(subject, name));
}

/** `Pod "web" is invalid: spec.containers: Required value`, several causes in brackets. */
export function invalid(subject: Subject, name: string, causes: readonly FieldCause[]): KindError {
  const lines = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const kind = subject.group ? `${subject.kind}.${subject.group}` : subject.kind;
  const details = { name, ...(subject.group && { group: subject.group }), kind: subject.kind, causes };
  return apiError('Invalid', `${kind} "${name}" is invalid: ${text}`, details);
}

/** The Status of anything thrown. */
export function statusOf(error: unknown): FailureStatus {
  if (error instanceof KindError && isFailure(error.details)) return error.details;
  const reason = reasonOfKind[kindOf(error)];
  const message = reason === 'InternalError' ? `Internal error occurred: ${messageOf(error)}` : messageOf(error);
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code: reasons[reason].code };
}

function isFailure(details: unknown): details is FailureStatus {
  return isObject(details) && details['kind'] === 'Status' && details['status'] === 'Failure';
}

function detailsOf(subject: Subject, name: string): StatusDetails {
  return { ...(name && { name }), ...(subject.group && { group: subject.group }), kind: subject.resource };
}
