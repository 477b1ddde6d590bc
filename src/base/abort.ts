import { KindError } from './errors.ts';

/** Waits, or throws `canceled` as soon as the signal aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) return Promise.reject(canceled());
  const onAbort = (): void => {
    clearTimeout(timer);
    reject(canceled());
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', onAbort);
    resolve();
  }, ms);
  signal?.addEventListener('abort', onAbort, { once: true });
  return promise;
}

/** Settles with `promise`, or throws `canceled` as soon as the signal aborts (the promise itself goes on). */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // After an abort nobody waits for the promise any more: its failure must not end the process.
  promise.catch(() => undefined);
  if (signal.aborted) throw canceled();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(canceled());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function canceled(): KindError {
  return new KindError('canceled', 'operation canceled');
}
