import { createHash } from 'node:crypto';
import { constants, createReadStream, mkdirSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { Digest } from '../../base/digest.ts';
import { kindOf, KindError, messageOf } from '../../base/errors.ts';
import { Pushable } from '../../base/pushable.ts';
import { Root } from '../../kernel/files.ts';
import { parseIgnore } from '../build/ignore.ts';
import { removeIgnored } from '../build/remove-ignored.ts';
import { Bounds } from './bounds.ts';
import { decompressed } from './compression.ts';
import { ageTo } from './age.ts';
import { copyTree } from './copy-tree.ts';
import { FrameWriter, unframe } from './frames.ts';
import { window, type DigestResult, type FromWorker, type InnerFile, type Job, type ToWorker, type UnpackJobResult } from './jobs.ts';
import { packFrom, type PackOptions } from './pack.ts';
import { unpackInto } from './unpack.ts';
import { usageOf } from './usage.ts';

const port =
  parentPort ??
  (() => {
    throw new Error('archive.worker runs as a worker thread only');
  })();
/** Of the present job. */
const flow: { input: Pushable<Uint8Array>; credit: number; wake: (() => void) | undefined } = {
  input: new Pushable(),
  credit: window,
  wake: undefined,
};

port.on('message', (message: ToWorker) => {
  if ('chunk' in message) flow.input.push(message.chunk);
  else if ('end' in message) flow.input.end();
  else if ('job' in message) void run(message.job);
  else {
    flow.credit += 1;
    flow.wake?.();
  }
});

function send(message: FromWorker): void {
  port.postMessage(message);
}

async function* received(): AsyncGenerator<Uint8Array> {
  for await (const chunk of flow.input) {
    send({ taken: true });
    yield chunk;
  }
}

/** Puts many small pieces (headers, padding) together, and waits while the reader is behind. */
async function emit(pieces: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  let gathered: Buffer[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (size === 0) return;
    while (flow.credit <= 0) await new Promise<void>((resolve) => (flow.wake = resolve));
    flow.credit -= 1;
    send({ chunk: Buffer.concat(gathered) });
    [gathered, size] = [[], 0];
  };
  for await (const piece of pieces) {
    gathered.push(piece);
    size += piece.length;
    if (size >= 262_144) await flush();
  }
  await flush();
}

class TarHash {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  result(): { readonly diffId: Digest; readonly tarBytes: number } {
    return { diffId: `sha256:${this.#hash.digest('hex')}`, tarBytes: this.#bytes };
  }
}

/** Knows how much of a stream has been read. */
class Counted implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}

function readInner(file: InnerFile): AsyncIterable<Uint8Array> {
  using root = new Root(file.root);
  const fd = root.open(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
  return createReadStream('', { fd, highWaterMark: 262_144 });
}

async function unpack(job: Extract<Job, { readonly do: 'unpack' }>): Promise<UnpackJobResult> {
  using root = new Root(job.root);
  const counted = new Counted(job.file ? readInner(job.file) : received());
  const hash = new TarHash();
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of decompressed(counted)) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const frames = job.frames === undefined ? undefined : new FrameWriter(job.frames);
  try {
    const result = await unpackInto(root, hashed(), job.options, frames, new Bounds(() => counted.bytes, job.limits));
    return { ...result, ...hash.result() };
  } finally {
    frames?.close();
  }
}

function digest(directory: string, options: PackOptions, newest: number | undefined): DigestResult {
  using root = new Root(directory);
  if (newest !== undefined) ageTo(root, newest);
  const hash = new TarHash();
  for (const chunk of packFrom(root, options)) hash.update(chunk);
  return { ...hash.result(), bytes: usageOf(root).bytes };
}

/** A copy of a layer directory, by the same tar that gives its digest. */
async function clone(from: string, to: string): Promise<DigestResult> {
  using source = new Root(from);
  mkdirSync(to, { recursive: true, mode: 0o755 });
  using target = new Root(to);
  const hash = new TarHash();
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (const chunk of packFrom(source, { whiteouts: 'overlay' })) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await unpackInto(target, chunks(), { whiteouts: 'overlay' });
  return { ...hash.result(), bytes: usageOf(target).bytes };
}

async function work(job: Job): Promise<unknown> {
  switch (job.do) {
    case 'unpack':
      return unpack(job);
    case 'pack': {
      using root = new Root(job.root);
      return await emit(packFrom(root, job.options));
    }
    case 'repack': {
      using root = new Root(job.root);
      return await emit(unframe(root, job.frames));
    }
    case 'digest':
      return digest(job.root, job.options, job.newest);
    case 'clone':
      return clone(job.from, job.to);
    case 'copy':
      return copyTree(job);
    case 'ignore': {
      using root = new Root(job.root);
      return removeIgnored(root, parseIgnore(job.lines));
    }
    case 'usage': {
      using root = new Root(job.root);
      return usageOf(root);
    }
  }
}

/** One job at a time; the thread is given the next only after this one's result. */
async function run(job: Job): Promise<void> {
  [flow.input, flow.credit] = [new Pushable(), window];
  try {
    send({ result: await work(job) });
  } catch (error) {
    send({ error: { kind: kindOf(error), message: messageOf(error), details: error instanceof KindError ? error.details : undefined } });
  }
}
