import { constants, createReadStream, mkdirSync, rmSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { kindOf, KindError, messageOf } from '../../base/errors.ts';
import { Pushable } from '../../base/pushable.ts';
import { Root } from '../../kernel/files.ts';
import { parseIgnore } from '../build/ignore.ts';
import { removeIgnored } from '../build/remove-ignored.ts';
import { ageTo } from './age.ts';
import { blocksOf, type Piece } from './blocks.ts';
import { copyTree } from './copy-tree.ts';
import { unframe } from './frames.ts';
import { TarHash } from './tar-hash.ts';
import { diskUsage } from './disk-usage.ts';
import { unpackImageArchive } from './image-archive.ts';
import { unpackLayer } from './unpack-layer.ts';
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
const flow: { input: Pushable<Uint8Array>; credit: number; wake: (() => void) | undefined; stopped: Int32Array } = {
  input: new Pushable(),
  credit: window,
  wake: undefined,
  stopped: new Int32Array(1),
};

port.on('message', (message: ToWorker) => {
  if ('chunk' in message) flow.input.push(message.chunk);
  else if ('end' in message) flow.input.end();
  else if ('job' in message) void run(message.job, message.stopped);
  else if ('stop' in message) {
    flow.input.fail(new KindError('canceled', 'operation canceled'));
    flow.wake?.();
  } else {
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

async function* stillWanted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    checkWanted();
    yield chunk;
  }
}

function checkWanted(): void {
  if (Atomics.load(flow.stopped, 0) !== 0) throw new KindError('canceled', 'operation canceled');
}

function* whileWanted(pieces: Iterable<Piece>): Generator<Piece> {
  for (const piece of pieces) {
    checkWanted();
    yield piece;
  }
}

/** A message costs a wake-up of the other thread. */
const blockBytes = 1 << 19;

/** Sends the pieces in blocks of memory that both threads see, always the same ones; waits while the reader has all of them. */
async function emit(pieces: Iterable<Piece>): Promise<void> {
  const memory: Buffer[] = [];
  let sent = 0;
  const blocks = blocksOf(whileWanted(pieces), () => (memory[sent % window] ??= Buffer.from(new SharedArrayBuffer(blockBytes))));
  for (const chunk of blocks) {
    flow.credit -= 1;
    sent += 1;
    send({ chunk });
    while (flow.credit <= 0) {
      await new Promise<void>((resolve) => (flow.wake = resolve));
      checkWanted();
    }
  }
}

/** For readers that are done with a block before the next. */
function* inOneBlock(pieces: Iterable<Piece>): Generator<Buffer> {
  const block = Buffer.allocUnsafeSlow(blockBytes);
  yield* blocksOf(whileWanted(pieces), () => block);
}

function readInner(file: InnerFile): AsyncIterable<Uint8Array> {
  using root = new Root(file.root);
  const fd = root.open(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
  return createReadStream('', { fd, highWaterMark: 262_144 });
}

async function unpack(job: Extract<Job, { readonly do: 'unpack' }>): Promise<UnpackJobResult> {
  return unpackLayer(stillWanted(job.file ? readInner(job.file) : received()), job);
}

function digest(directory: string, options: PackOptions, newest: number | undefined): DigestResult {
  using root = new Root(directory);
  if (newest !== undefined) ageTo(root, newest);
  const hash = new TarHash();
  const tally = { bytes: 0 };
  for (const chunk of inOneBlock(packFrom(root, options, tally))) hash.update(chunk);
  return { ...hash.result(), bytes: tally.bytes };
}

/** A copy of a layer directory, by the same tar that gives its digest. */
async function clone(from: string, to: string): Promise<DigestResult> {
  using source = new Root(from);
  mkdirSync(to, { recursive: true, mode: 0o755 });
  using target = new Root(to);
  const hash = new TarHash();
  const tally = { bytes: 0 };
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (const chunk of inOneBlock(packFrom(source, { whiteouts: 'overlay' }, tally))) {
      hash.update(chunk);
      yield Buffer.from(chunk);
    }
  };
  await unpackInto(target, chunks(), { whiteouts: 'overlay' });
  return { ...hash.result(), bytes: tally.bytes };
}

async function work(job: Job): Promise<unknown> {
  switch (job.do) {
    case 'unpack':
      return unpack(job);
    case 'image':
      return unpackImageArchive(stillWanted(received()), job);
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
    case 'remove':
      return rmSync(job.root, { recursive: true, force: true });
    case 'disk':
      return diskUsage(job.root);
    case 'usage': {
      using root = new Root(job.root);
      return usageOf(root);
    }
  }
}

/** One job at a time; the thread is given the next only after this one's result. */
async function run(job: Job, stopped: Int32Array): Promise<void> {
  [flow.input, flow.credit, flow.stopped] = [new Pushable(), window, stopped];
  try {
    send({ result: await work(job) });
  } catch (error) {
    send({ error: { kind: kindOf(error), message: messageOf(error), details: error instanceof KindError ? error.details : undefined } });
  }
}
