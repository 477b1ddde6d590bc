import { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { KindError } from '../../base/errors.ts';
import { Pushable } from '../../base/pushable.ts';
import { workerUrl } from '../../base/worker-url.ts';
import { window, type FromWorker, type Job, type ResultOf, type ToWorker, type UnpackJobResult } from './jobs.ts';
import type { PackOptions } from './pack.ts';
import type { UnpackOptions } from './unpack.ts';

/** Runs one job to its end in a worker thread; aborting it stops it. */
export async function runJob<J extends Job>(job: J, input?: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ResultOf[J['do']]> {
  const running = start(job, signal);
  // Ends with the job, or with the next chunk of an input that goes on.
  if (input) void feed(running, input);
  try {
    return (await running.result) as ResultOf[J['do']];
  } finally {
    await running.end();
  }
}

export type PackJob = Extract<Job, { readonly do: 'pack' | 'repack' }>;

/** The output of a `pack` or `repack` job as a stream; destroying it ends the job. */
export function streamJob(job: PackJob, signal?: AbortSignal): Readable {
  const copies = async function* (): AsyncGenerator<Uint8Array> {
    for await (const block of blocksOfJob(job, signal)) yield Buffer.from(block);
  };
  return Readable.from(copies(), { objectMode: false, highWaterMark: 1 });
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

/** As `streamJob`, without a copy: the memory of a block is the worker's again as soon as the next is asked for. */
export async function* blocksOfJob(job: PackJob, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
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
  /** Resolves once fewer than `window` chunks are under way. */
  room(): Promise<void>;
  readonly isOver: boolean;
  /** What is in `moved` leaves this thread. */
  send(message: ToWorker, moved?: readonly ArrayBuffer[]): void;
  fail(error: unknown): void;
  /** Stops what still goes on, and gives the thread back when it has let go of everything; one whose job did not end well is ended. */
  end(): Promise<void>;
}

interface Flow {
  /** Chunks sent and not yet taken. */
  underWay: number;
  isOver: boolean;
  isReusable: boolean;
  wake: (() => void) | undefined;
}

function start(job: Job, signal: AbortSignal | undefined): Running {
  if (signal?.aborted) throw new KindError('canceled', 'operation canceled');
  const worker = takeWorker();
  const output = new Pushable<Uint8Array>();
  const { promise: result, resolve, reject } = Promise.withResolvers<unknown>();
  const lastWord = Promise.withResolvers<void>();
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  result.catch(() => undefined);
  const flow: Flow = { underWay: 0, isOver: false, isReusable: false, wake: undefined };
  const finish = (settle: () => void): void => {
    flow.isOver = true;
    settle();
    output.end();
    flow.wake?.();
  };
  const fail = (error: unknown): void => finish(() => reject(error));
  const onAbort = (): void => fail(new KindError('canceled', 'operation canceled'));
  const onExit = (code: number): void => {
    lastWord.resolve();
    fail(new Error(`archive worker ended with code ${code}`));
  };
  const onMessage = (message: FromWorker): void => {
    if ('taken' in message) {
      flow.underWay -= 1;
      flow.wake?.();
    } else if ('chunk' in message) output.push(message.chunk);
    else {
      flow.isReusable = 'result' in message && flow.underWay === 0 && !flow.isOver;
      lastWord.resolve();
      finish(() => ('result' in message ? resolve(message.result) : reject(errorOf(message.error))));
    }
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  worker.on('message', onMessage).on('error', fail).on('exit', onExit);
  worker.postMessage({ job, stopped } satisfies ToWorker);
  return {
    output,
    result,
    room: () => roomIn(flow),
    get isOver() {
      return flow.isOver;
    },
    send: (message, moved = []) => {
      if (flow.isOver) return;
      if ('chunk' in message) flow.underWay += 1;
      worker.postMessage(message, moved);
    },
    fail,
    end: async () => {
      signal?.removeEventListener('abort', onAbort);
      if (!flow.isReusable) {
        stop(worker, stopped);
        await lastWord.promise;
      }
      worker.off('message', onMessage).off('error', fail).off('exit', onExit);
      if (flow.isReusable) keepWorker(worker);
      else await worker.terminate();
    },
  };
}

async function roomIn(flow: Flow): Promise<void> {
  while (flow.underWay >= window && !flow.isOver) await new Promise<void>((go) => (flow.wake = go));
}

function errorOf({ kind, message, details }: Extract<FromWorker, { readonly error: unknown }>['error']): KindError {
  return new KindError(kind, message, { details });
}

function stop(worker: Worker, stopped: Int32Array): void {
  Atomics.store(stopped, 0, 1);
  worker.postMessage({ stop: true } satisfies ToWorker);
}

/** Starting a thread takes longer than many a job: one that has just ended well waits a little for the next. */
const idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout }[] = [];
const idleMs = 5000;
const maxIdle = 2;

/** Most of a job's garbage is short-lived: without this a thread keeps some 100 MB more of it, and is no faster. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

function takeWorker(): Worker {
  const kept = idle.pop();
  if (!kept) return new Worker(workerUrl('archive', import.meta.url), { trackUnmanagedFds: false, resourceLimits });
  clearTimeout(kept.timer);
  kept.worker.ref();
  return kept.worker;
}

function keepWorker(worker: Worker): void {
  if (idle.length >= maxIdle) {
    void worker.terminate();
    return;
  }
  const forget = (): void => {
    const at = idle.findIndex((each) => each.worker === worker);
    if (at >= 0) idle.splice(at, 1);
    void worker.terminate();
  };
  idle.push({ worker, timer: setTimeout(forget, idleMs).unref() });
  worker.unref();
}

const worthMoving = 8192;

function isAlone(chunk: Uint8Array): chunk is Uint8Array<ArrayBuffer> {
  return chunk.byteLength >= worthMoving && chunk.byteLength === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer;
}

/** Never ends the input itself: it may be a request whose answer is still to be written. */
async function feed(running: Running, input: AsyncIterable<Uint8Array>): Promise<void> {
  // What came from a connection is nobody else's: it moves, so that no garbage is left on the engine's loop.
  const ofRequest = input instanceof IncomingMessage;
  try {
    const iterator = input[Symbol.asyncIterator]();
    for (;;) {
      const next = await iterator.next();
      if (next.done) break;
      await running.room();
      if (running.isOver) return;
      running.send({ chunk: next.value }, ofRequest && isAlone(next.value) ? [next.value.buffer] : []);
    }
    running.send({ end: true });
  } catch (error) {
    running.fail(error);
  }
}
