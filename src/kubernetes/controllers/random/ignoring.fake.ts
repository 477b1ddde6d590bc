import { isKind, type ErrorKind } from '../../../base/errors.ts';

/** Lets errors of these kinds pass: others act at the same time. */
export function ignoring(...kinds: readonly ErrorKind[]): (error: unknown) => void {
  return (error) => {
    if (!kinds.some((kind) => isKind(error, kind))) throw error;
  };
}
