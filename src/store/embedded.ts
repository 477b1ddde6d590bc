import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { wrap } from '../base/errors.ts';
import { workerUrl } from '../base/worker-url.ts';
import { Ballast, ballastOf, isDiskFull } from './ballast.ts';
import { explained, loadKeyspace } from './embedded-file.ts';
import { rowOf, type Answer, type Request } from './embedded-rows.ts';
import { type Journal, NothingWritten } from './journal.ts';
import { JournaledStore } from './journaled-store.ts';
import type { Keyspace, Retention } from './keyspace.ts';
import type { Store } from './store.ts';

/** Opens or creates the store in one SQLite file. `unavailable` when another process has it open. */
export async function openStore(options: { readonly path: string; readonly retention?: Retention }): Promise<Store> {
  mkdirSync(dirname(options.path), { recursive: true });
  const worker = new Worker(workerUrl('embedded', import.meta.url));
  try {
    // The worker starts while this thread reads; it opens the file after this connection is closed.
    const keyspace = loadWithRoom(options.path);
    const journal = workerJournal(worker, options.path);
    await journal.open();
    return new JournaledStore(journal, keyspace, options.retention);
  } catch (error) {
    await worker.terminate();
    throw wrap(error, 'open the store');
  }
}

/** Reading and what is written at a start need room as well: one must be able to start on a full disk, and to remove something then. */
function loadWithRoom(path: string): Keyspace {
  if (isDiskFull(path)) new Ballast(ballastOf(path)).release();
  return loadKeyspace(path);
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The journal that the worker writes. After a full disk it goes on; after any other failure it takes nothing more. */
function workerJournal(worker: Worker, path: string): Journal & { open(): Promise<void> } {
  const waiting: Waiting[] = [];
  let failure: Error | undefined;
  let epoch = 0;
  const rejectAll = (error: Error): void => {
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  const fail = (error: Error): void => {
    failure ??= error;
    rejectAll(failure);
  };
  worker.on('message', (answer: Answer) => {
    if ('done' in answer) {
      for (const { resolve } of waiting.splice(0, answer.done)) resolve();
      return;
    }
    const error = explained(path, new Error(answer.failed));
    if (!answer.isFull) return fail(error);
    epoch += 1;
    rejectAll(new NothingWritten(error));
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the store is closed')));
  const ask = (request: Request): Promise<void> => {
    if (failure) return Promise.reject(failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ resolve, reject });
    worker.postMessage({ ...request, epoch });
    return promise;
  };
  return {
    open: () => ask({ type: 'open', path }),
    append: (changes) => ask({ type: 'append', rows: changes.map(rowOf) }),
    forget: (rows, compacted) => ask({ type: 'forget', rows, compacted }),
    close: async () => {
      await ask({ type: 'close' }).catch(() => undefined);
      await worker.terminate();
    },
  };
}
