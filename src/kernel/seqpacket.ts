import { closeSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import { lastErrno, native, systemError } from './native.ts';
import { poll, type Poll } from './poll.ts';

const afUnix = 1;
const seqpacketCloexecNonblock = 5 | 0o2000000 | 0o4000;
const noSignalDontWait = 0x4000 | 0x40;
const shutWrite = 1;
/** Linux' sun_path, its NUL apart. */
const pathLimit = 107;
const again = 11;
/** What conmon reads and writes at a time, plus its stream byte. */
const packetLimit = 8192;

/**
 * One end of a unix SEQPACKET connection. Pull-based: a packet leaves the kernel when it is asked for,
 * so a slow reader makes the sender wait.
 */
export class SeqpacketSocket implements Disposable {
  readonly #fd: number;
  readonly #poll: Poll;
  #isClosed = false;
  #isInputClosed = false;
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;
  #writes: Promise<void> = Promise.resolve();

  /** `notFound` when nobody listens there. */
  constructor(path: string) {
    if (Buffer.byteLength(path) > pathLimit)
      throw new KindError('invalid', `socket path ${path} exceeds ${pathLimit} bytes: use a shorter run root`);
    this.#fd = native.socket(afUnix, seqpacketCloexecNonblock, 0);
    if (this.#fd < 0) throw systemError('open socket');
    const address = Buffer.concat([Buffer.from([afUnix, 0]), Buffer.from(`${path}\0`)]);
    if (native.connect(this.#fd, address, address.length) !== 0) {
      const error = systemError(`connect to ${path}`);
      closeSync(this.#fd);
      const refused = 111;
      throw (error.details as { errno: number }).errno === refused ? new KindError('notFound', error.message) : error;
    }
    this.#poll = poll(this.#fd, { readable: true }, () => this.#wake());
    this.#poll.want({});
  }

  /** Ends when the other side has closed. */
  async *packets(): AsyncGenerator<Buffer, void> {
    const buffer = Buffer.allocUnsafe(packetLimit + 1);
    while (!this.#isClosed) {
      const length = Number(native.recv(this.#fd, buffer, buffer.length, 0));
      if (length > 0) {
        yield Buffer.from(buffer.subarray(0, length));
        continue;
      }
      // Closed with unread input on the other side is a reset: for us, its end all the same.
      if (length === 0 || lastErrno() !== again) return;
      await this.#readable();
    }
  }

  /** In order. Once the other side has gone, what is written is dropped. */
  write(data: Uint8Array): Promise<void> {
    this.#writes = this.#writes.then(() => this.#writeAll(data));
    return this.#writes;
  }

  /** Half-close, after what is being written. */
  endInput(): void {
    this.#writes = this.#writes.then(() => {
      if (!this.#isClosed) native.shutdown(this.#fd, shutWrite);
      this.#isInputClosed = true;
    });
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poll[Symbol.dispose]();
    closeSync(this.#fd);
    this.#wake();
  }

  async #writeAll(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length && !this.#isClosed && !this.#isInputClosed;) {
      const chunk = data.subarray(at, at + packetLimit);
      if (Number(native.send(this.#fd, chunk, chunk.length, noSignalDontWait)) >= 0) at += chunk.length;
      else if (lastErrno() === again) await this.#writable();
      else this.#isInputClosed = true;
    }
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReadable = resolve;
      this.#want();
    });
  }

  #writable(): Promise<void> {
    return new Promise((resolve) => {
      this.#onWritable = resolve;
      this.#want();
    });
  }

  #want(): void {
    this.#poll.want({ readable: this.#onReadable !== undefined, writable: this.#onWritable !== undefined });
  }

  /** Whoever waits tries again; one that woke in vain waits again. */
  #wake(): void {
    const waiting = [this.#onReadable, this.#onWritable];
    this.#onReadable = undefined;
    this.#onWritable = undefined;
    if (!this.#isClosed) this.#poll.want({});
    for (const resume of waiting) resume?.();
  }
}
