import { Pushable } from './pushable.ts';

/** What a piece of work tells while it runs, as something to iterate. Whoever stops iterating stops the work, and waits until it has. */
export async function* told<T>(
  work: (tell: (item: T) => void, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): AsyncGenerator<T> {
  const items = new Pushable<T>();
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const done = work((item) => items.push(item), either).then(
    () => items.end(),
    (error: unknown) => items.fail(error),
  );
  try {
    yield* items;
  } finally {
    stop.abort();
    await done;
  }
}
