import { KindError, isKind } from '../base/errors.ts';
import type { RuntimeStreams } from './runtime.ts';
import { SeqpacketSocket } from './seqpacket.ts';
import { supervisionPaths } from './supervision.ts';

type Output = { readonly stream: 'stdout' | 'stderr'; readonly data: Buffer };

/** First byte of conmon's packets (src/ctr_stdio.c): 2 standard output, 3 standard error. */
const standardError = 3;
/** What an exec that nobody attached to may say before it is let go. */
const parkedLimit = 1 << 20;

/**
 * The streams of one container or exec. Those of an exec are opened before its program runs, so that nothing is lost
 * between `exec` and `attach`; they are read ahead until claimed, since a reader that stands still stops the program.
 */
export class AttachStreams implements RuntimeStreams {
  readonly #socket: SeqpacketSocket;
  readonly #packets: AsyncIterator<Buffer, void>;
  readonly #ahead: Buffer[] = [];
  readonly #released: (() => void) | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isClaimed = false;

  constructor(directory: string, released?: () => void) {
    this.#socket = connect(directory);
    this.#packets = this.#socket.packets();
    this.#released = released;
    if (released) this.#reading = this.#readAhead();
  }

  /** From now on the output is read as fast as `output` is iterated. */
  claim(): void {
    if (this.#isClaimed) return;
    this.#isClaimed = true;
    this.#released?.();
  }

  get output(): AsyncIterable<Output> {
    return this.#output();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#socket.write(data);
  }

  endInput(): void {
    this.#socket.endInput();
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#released?.();
  }

  async *#output(): AsyncGenerator<Output, void> {
    await this.#reading;
    for (let packet = this.#ahead.shift(); packet !== undefined; packet = this.#ahead.shift()) yield decode(packet);
    for (;;) {
      const { value, done } = await this.#packets.next();
      if (done === true) return;
      yield decode(value);
    }
  }

  /** Ends at the first packet after the claim. */
  async #readAhead(): Promise<void> {
    for (let size = 0; ;) {
      const { value, done } = await this.#packets.next();
      if (done === true) return;
      this.#ahead.push(value);
      size += value.length;
      if (this.#isClaimed) return;
      if (size > parkedLimit) return this[Symbol.dispose]();
    }
  }
}

function decode(packet: Buffer): Output {
  return { stream: packet[0] === standardError ? 'stderr' : 'stdout', data: packet.subarray(1) };
}

function connect(directory: string): SeqpacketSocket {
  try {
    return new SeqpacketSocket(supervisionPaths(directory).attach);
  } catch (error) {
    if (isKind(error, 'notFound')) throw new KindError('notFound', 'cannot attach: it is not running', { cause: error });
    throw error;
  }
}
