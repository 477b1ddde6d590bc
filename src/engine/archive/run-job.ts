import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { KindError } from '../../base/errors.ts';
import { Pushable } from '../../base/pushable.ts';
import { workerUrl } from '../../base/worker-url.ts';
import { window, type FromWorker, type Job, type ResultOf, type ToWorker, type UnpackJobResult } from './jobs.ts';
import type { PackOptions } from './pack.ts';
import type { UnpackOptions } from './unpack.ts';

/** Runs one job to its end in a worker thread of its own; aborting it ends the thread. */
export async function runJob<J extends Job>(job: J, input?: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ResultOf[J['do']]> {
  const running = start(job, signal);
  const feeding = input ? feed(running, input) : undefined;
  try {
    return (await running.result) as ResultOf[J['do']];
  } finally {
    await running.end();
    await feeding;
  }
}

/** The output of a `pack` or `repack` job as a stream; destroying it ends the job. */
export function streamJob(job: Extract<Job, { readonly do: 'pack' | 'repack' }>, signal?: AbortSignal): Readable {
  return Readable.from(outputOf(job, signal), { objectMode: false, highWaterMark: 1 });
}

/** Unpacks a tar (plain, gzip or zstd) below `root`, safely whatever the tar holds. */
export function unpackTar(
  input: AsyncIterable<Uint8Array>,
  root: string,
  options: UnpackOptions,
  signal?: AbortSignal,
): Promise<UnpackJobResult> {
  return runJob({ do: 'unpack', root, options }, input, signal);
}

/** A tree as a tar stream. */
export function packTar(root: string, options: PackOptions, signal?: AbortSignal): Readable {
  return streamJob({ do: 'pack', root, options }, signal);
}

async function* outputOf(job: Job, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const running = start(job, signal);
  try {
    for await (const chunk of running.output) {
      yield chunk;
      running.send({ more: true });
    }
    await running.result;
  } finally {
    await running.end();
  }
}

interface Running {
  readonly output: Pushable<Uint8Array>;
  readonly result: Promise<unknown>;
  /** Chunks sent and not yet taken; resolves once there is room for another. */
  room(): Promise<void>;
  readonly isOver: boolean;
  send(message: ToWorker): void;
  fail(error: unknown): void;
  end(): Promise<void>;
}

function start(job: Job, signal: AbortSignal | undefined): Running {
  if (signal?.aborted) throw new KindError('canceled', 'operation canceled');
  const worker = new Worker(workerUrl('archive', import.meta.url), { workerData: job, trackUnmanagedFds: false });
  const output = new Pushable<Uint8Array>();
  const { promise: result, resolve, reject } = Promise.withResolvers<unknown>();
  result.catch(() => undefined);
  let underWay = 0;
  let isOver = false;
  let wake: (() => void) | undefined;
  const finish = (settle: () => void): void => {
    isOver = true;
    settle();
    output.end();
    wake?.();
  };
  const fail = (error: unknown): void => finish(() => reject(error));
  const onAbort = (): void => fail(new KindError('canceled', 'operation canceled'));
  signal?.addEventListener('abort', onAbort, { once: true });
  worker.on('message', (message: FromWorker) => {
    if ('taken' in message) {
      underWay -= 1;
      wake?.();
    } else if ('chunk' in message) output.push(message.chunk);
    else if ('result' in message) finish(() => resolve(message.result));
    else fail(new KindError(message.error.kind, message.error.message, { details: message.error.details }));
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`archive worker ended with code ${code}`)));
  return {
    output,
    result,
    room: async () => {
      while (underWay >= window && !isOver) await new Promise<void>((resolve) => (wake = resolve));
    },
    get isOver() {
      return isOver;
    },
    send: (message) => {
      if (isOver) return;
      if ('chunk' in message) underWay += 1;
      worker.postMessage(message);
    },
    fail,
    end: async () => {
      signal?.removeEventListener('abort', onAbort);
      await worker.terminate();
    },
  };
}

async function feed(running: Running, input: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of input) {
      await running.room();
      if (running.isOver) return;
      running.send({ chunk });
    }
    running.send({ end: true });
  } catch (error) {
    running.fail(error);
  }
}
