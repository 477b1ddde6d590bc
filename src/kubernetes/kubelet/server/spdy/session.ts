import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { HeaderDeflater, HeaderInflater, uint32, type Headers } from './header-block.ts';

const frameTypes = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, headers: 8 } as const;
const flagFin = 1;
const headBytes = 8;

/** One stream of a session: a byte stream each way, each side ends its own (half-close). */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #session: SpdySession;

  constructor(session: SpdySession, id: number, headers: Headers) {
    super({ allowHalfOpen: true });
    this.#session = session;
    this.id = id;
    this.headers = headers;
  }

  override _read(): void {
    this.#session.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, taken: () => void): void {
    this.#session.sendData(this.id, chunk, 0, taken);
  }

  override _final(taken: () => void): void {
    this.#session.sendData(this.id, Buffer.alloc(0), flagFin, taken);
  }
}

interface SessionEvents {
  readonly stream: [SpdyStream];
  readonly close: [];
}

/**
 * The server's side of SPDY/3.1 as Kubernetes speaks it: the client opens streams, each is accepted with a SYN_REPLY;
 * no flow control windows (moby/spdystream has none), TCP's own back-pressure instead.
 *
 *   control frame: 1|version 15|type 16|flags 8|length 24|payload      data frame: 0|stream 31|flags 8|length 24|payload
 */
export class SpdySession extends EventEmitter<SessionEvents> {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #inflater = new HeaderInflater();
  readonly #deflater = new HeaderDeflater();
  #pending: Buffer = Buffer.alloc(0);

  constructor(socket: Duplex, head: Buffer = Buffer.alloc(0)) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      for (const stream of this.#streams.values()) stream.destroy();
      this.emit('close');
    });
    if (head.length > 0) setImmediate(() => this.#feed(head));
  }

  /** Ends the connection after what has been written. */
  end(): void {
    this.#socket.end();
  }

  resume(): void {
    this.#socket.resume();
  }

  sendData(id: number, chunk: Buffer, flags: number, taken: () => void): void {
    if (!this.#socket.writable) {
      taken();
      return;
    }
    const head = Buffer.alloc(headBytes);
    head.writeUInt32BE(id);
    head.writeUInt32BE(chunk.length, 4);
    head[4] = flags;
    this.#socket.write(Buffer.concat([head, chunk]), () => taken());
  }

  #sendControl(type: number, payload: Buffer): void {
    const head = Buffer.alloc(headBytes);
    head.writeUInt16BE(0x8003);
    head.writeUInt16BE(type, 2);
    head.writeUInt32BE(payload.length, 4);
    if (this.#socket.writable) this.#socket.write(Buffer.concat([head, payload]));
  }

  #feed(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= headBytes) {
      const end = headBytes + this.#pending.readUIntBE(5, 3);
      if (this.#pending.length < end) return;
      const frame = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end);
      try {
        this.#frame(frame, frame.subarray(headBytes));
      } catch {
        this.#socket.destroy();
        return;
      }
    }
  }

  #frame(frame: Buffer, payload: Buffer): void {
    const flags = frame[4] ?? 0;
    const isControl = ((frame[0] ?? 0) & 0x80) !== 0;
    if (!isControl) {
      this.#data(frame.readUInt32BE() & 0x7fffffff, payload, flags);
      return;
    }
    switch (frame.readUInt16BE(2)) {
      case frameTypes.synStream:
        this.#open(payload.readUInt32BE(), this.#inflater.read(payload.subarray(10)), flags);
        break;
      case frameTypes.synReply:
      case frameTypes.headers:
        this.#inflater.read(payload.subarray(4));
        if (flags & flagFin) this.#streams.get(payload.readUInt32BE())?.push(null);
        break;
      case frameTypes.rstStream:
        this.#streams.get(payload.readUInt32BE())?.destroy();
        break;
      case frameTypes.ping:
        this.#sendControl(frameTypes.ping, payload);
        break;
      default:
    }
  }

  #open(id: number, headers: Headers, flags: number): void {
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    stream.on('error', () => undefined);
    stream.on('close', () => this.#streams.delete(id));
    this.#sendControl(frameTypes.synReply, Buffer.concat([uint32(id), this.#deflater.write({})]));
    if (flags & flagFin) stream.push(null);
    this.emit('stream', stream);
  }

  #data(id: number, payload: Buffer, flags: number): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (payload.length > 0 && !stream.push(Buffer.from(payload))) this.#socket.pause();
    if (flags & flagFin) stream.push(null);
  }
}
