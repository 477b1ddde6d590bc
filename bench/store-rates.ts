import { monitorEventLoopDelay } from 'node:perf_hooks';
import { GrpcSession } from '../src/store/etcd/grpc-session.ts';
import { bytesField } from '../src/store/etcd/wire.ts';
import type { Store } from '../src/store/store.ts';

export interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** 99th percentile of how much later than due the event loop came round, 1 ms steps. */
  readonly stallMs: number;
}

/** `act` by so many clients at once, each one call after the other, for so long. */
export async function rateOf(clients: number, durationMs: number, act: (index: number) => Promise<unknown>): Promise<Rate> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const times: number[] = [];
  let index = 0;
  delays.enable();
  const began = performance.now();
  const work = async (): Promise<void> => {
    for (let now = performance.now(); now - began < durationMs;) {
      await act(index++);
      const end = performance.now();
      times.push(end - now);
      now = end;
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  const seconds = (performance.now() - began) / 1000;
  delays.disable();
  times.sort((a, b) => a - b);
  return { perSecond: times.length / seconds, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0, stallMs: delays.percentile(99) / 1e6 };
}

/** Durable creates of 2 kB; `run` tells one run's keys from another's. */
export function creates(store: Store, run: string): (index: number) => Promise<unknown> {
  const value = Buffer.alloc(2_000, 120);
  return (index) => store.write([{ put: `/registry/pods/default/${run}-${index}`, value, ifRevision: 0 }]);
}

/** What etcd itself takes: bare puts of the same size over the same kind of connection. */
export function rawPuts(endpoint: string, run: string): ((index: number) => Promise<unknown>) & Disposable {
  const session = new GrpcSession(endpoint);
  const value = Buffer.alloc(2_000, 120);
  const put = (index: number): Promise<unknown> => {
    const message = Buffer.concat([...bytesField(1, Buffer.from(`/raw/${run}-${index}`)), ...bytesField(2, value)]);
    return session.unary('/etcdserverpb.KV/Put', message, 10_000);
  };
  return Object.assign(put, { [Symbol.dispose]: () => session[Symbol.dispose]() });
}

/** From one write until so many watchers have it, in ms; the median of several. */
export async function fanOut(store: Store, watchers: number, rounds: number): Promise<readonly number[]> {
  const stop = new AbortController();
  let [waiting, all] = [0, Promise.withResolvers<void>()];
  const watch = async (): Promise<void> => {
    for await (const changes of store.watch('/fan/', { after: store.revision }, stop.signal)) {
      waiting -= changes.length;
      if (waiting === 0) all.resolve();
    }
  };
  const watching = Array.from({ length: watchers }, watch);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    [waiting, all] = [watchers, Promise.withResolvers<void>()];
    const began = performance.now();
    await store.write([{ put: '/fan/out', value: Buffer.alloc(2_000, round) }]);
    await all.promise;
    times.push(performance.now() - began);
  }
  stop.abort();
  await Promise.all(watching);
  return times;
}
