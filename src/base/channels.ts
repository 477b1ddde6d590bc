import { Duplex } from 'node:stream';

/**
 * Several streams over one connection:
 *
 *   [channel, 4 bytes big-endian][length, 4 bytes][data]      length 0: the sender's half of the channel has ended
 *
 * One slow reader stops the connection: only channels that are read as they come may be used at once.
 */
export class Channels {
  readonly #connection: Duplex;
  readonly #open = new Map<number, Channel>();
  readonly #accept: (channel: number) => Duplex | undefined;

  /** `accept` is asked for channels that the other side opens; undefined drops what comes on them. */
  constructor(connection: Duplex, accept: (channel: number) => Duplex | undefined = () => undefined) {
    this.#connection = connection;
    this.#accept = accept;
  }

  /** The channel's own stream; the other side names it by the same number. */
  open(number: number): Duplex {
    const known = this.#open.get(number);
    if (known) return known;
    const channel = new Channel((data, done) => {
      if (this.#connection.destroyed || !this.#connection.writable) return done();
      if (this.#connection.write(frameOf(number, data))) return done();
      const settle = (): void => {
        this.#connection.off('drain', settle).off('close', settle);
        done();
      };
      this.#connection.on('drain', settle).on('close', settle);
    });
    channel.on('error', () => undefined);
    this.#open.set(number, channel);
    return channel;
  }

  /** Hands out what comes until the connection ends; then all channels have ended. */
  async read(): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of this.#connection.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
          const [number, length] = [rest.readUInt32BE(0), rest.readUInt32BE(4)];
          await this.#take(number, rest.subarray(8, 8 + length));
          rest = rest.subarray(8 + length);
        }
      }
    } catch {
      // A broken connection ends like a closed one: what was cut short is for the readers to find.
    }
    for (const channel of this.#open.values()) channel.destroy();
  }

  async #take(number: number, data: Buffer): Promise<void> {
    const channel = this.#open.get(number) ?? (this.#accept(number) as Channel | undefined);
    if (!channel || channel.destroyed) return;
    await channel.deliver(data);
  }
}

class Channel extends Duplex {
  readonly #send: (data: Buffer, done: () => void) => void;
  #wake: (() => void) | undefined;

  constructor(send: (data: Buffer, done: () => void) => void) {
    super({ allowHalfOpen: true });
    this.#send = send;
  }

  /** Empty data: the other side has ended. Resolves when there is room for more. */
  async deliver(data: Buffer): Promise<void> {
    if (this.push(data.length === 0 ? null : data) || data.length === 0) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (chunk.length === 0) done();
    else this.#send(chunk, done);
  }

  override _final(done: () => void): void {
    this.#send(Buffer.alloc(0), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wake?.();
    done(error);
  }
}

function frameOf(channel: number, data: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(8 + data.length);
  frame.writeUInt32BE(channel, 0);
  frame.writeUInt32BE(data.length, 4);
  frame.set(data, 8);
  return frame;
}
