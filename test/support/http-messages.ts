/** One HTTP/1.1 message as it went over a connection. */
export interface HttpMessage {
  /** `GET /info HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

interface Reading {
  readonly startLine: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly isChunked: boolean;
  /** Bytes of the body (or of its present chunk) that are still to come. */
  left: number;
  readonly parts: Buffer[];
  bytes: number;
}

export interface HttpReadOptions {
  /** Answers to HEAD have no body, whatever their headers say. */
  readonly hasNoBody?: () => boolean;
  /** A larger body is told as an empty one. */
  readonly largestBody?: number;
}

/** Reads messages off one direction of a connection, without touching it. After a message that changes the protocol it reads nothing more. */
export class HttpMessages {
  #bytes: Buffer = Buffer.alloc(0);
  #reading: Reading | undefined;
  #isOver = false;
  readonly #take: (message: HttpMessage) => void;
  readonly #options: HttpReadOptions;

  constructor(take: (message: HttpMessage) => void, options: HttpReadOptions = {}) {
    this.#take = take;
    this.#options = options;
  }

  feed(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (!this.#isOver && (this.#reading ? this.#readBody(this.#reading) : this.#readHead()));
  }

  #readHead(): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [startLine = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    const headers = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    this.#bytes = this.#bytes.subarray(end + 4);
    const hasNoBody = this.#options.hasNoBody?.() ?? false;
    const isChunked = !hasNoBody && headers.get('transfer-encoding')?.toLowerCase() === 'chunked';
    const left = hasNoBody ? 0 : Number(headers.get('content-length') ?? 0);
    this.#reading = { startLine, headers, isChunked, left, parts: [], bytes: 0 };
    if (!isChunked && left === 0) this.#finish(this.#reading);
    return true;
  }

  /** False when more has to come first. */
  #readBody(reading: Reading): boolean {
    if (reading.isChunked && reading.left === 0 && !this.#readChunkSize(reading)) return false;
    if (this.#reading !== reading) return true;
    const part = this.#bytes.subarray(0, reading.left);
    if (part.length === 0) return false;
    this.#bytes = this.#bytes.subarray(part.length);
    reading.left -= part.length;
    reading.bytes += part.length;
    if (reading.bytes <= (this.#options.largestBody ?? Infinity)) reading.parts.push(part);
    if (reading.left === 0 && !reading.isChunked) this.#finish(reading);
    return true;
  }

  /** `1a\r\n` before a chunk, with the line break that ends the one before it; `0\r\n\r\n` is the end. */
  #readChunkSize(reading: Reading): boolean {
    const [found, line = '', size = '0'] = /^((?:\r\n)?([0-9a-f]+)[^\r]*\r\n)/i.exec(this.#bytes.toString('latin1', 0, 64)) ?? [];
    if (found === undefined) return false;
    const isLast = Number.parseInt(size, 16) === 0;
    if (isLast && this.#bytes.length < line.length + 2) return false;
    this.#bytes = this.#bytes.subarray(line.length + (isLast ? 2 : 0));
    reading.left = Number.parseInt(size, 16);
    if (isLast) this.#finish(reading);
    return true;
  }

  #finish({ startLine, headers, parts, bytes }: Reading): void {
    this.#reading = undefined;
    this.#isOver = startLine.startsWith('HTTP/1.1 101');
    const isKept = bytes <= (this.#options.largestBody ?? Infinity);
    this.#take({ startLine, headers, body: isKept ? Buffer.concat(parts) : Buffer.alloc(0) });
  }
}
