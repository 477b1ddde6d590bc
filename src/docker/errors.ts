import { kindOf, messageOf, type ErrorKind } from '../base/errors.ts';

/** The only place that knows Docker's status codes for errors. */
const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  alreadyExists: 409,
  conflict: 409,
  expired: 410,
  tooMany: 429,
  canceled: 499,
  internal: 500,
  notImplemented: 501,
  unavailable: 503,
};

export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly message: string };
}

export function errorAnswer(error: unknown): ErrorAnswer {
  return { status: statuses[kindOf(error)], body: { message: messageOf(error) } };
}
