import { delay } from '../../src/base/abort.ts';

/** Polls a condition of the outside world (a client's output) until it holds; the last failure is the error. */
export async function eventually<T>(check: () => Promise<T>, options: { readonly withinMs: number }): Promise<T> {
  const deadline = performance.now() + options.withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}
