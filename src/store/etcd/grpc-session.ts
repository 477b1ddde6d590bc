import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { messageOf } from '../../base/errors.ts';
import { type CallFailure, noConnection, statusCode } from './failures.ts';

export interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A gRPC status that is not OK. */
export class CallError extends Error implements CallFailure {
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

const pingMs = 10_000;
const pongWithinMs = 5_000;
/** Enough for a page of ten thousand objects to flow without a pause. */
const windowBytes = 16 << 20;

/**
 * gRPC over one HTTP/2 connection to one server, made when it is needed and again when it broke. A tenth of a gRPC
 * library's cost per call: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 *
 *   message = flag (0: not compressed) · 4 bytes length · bytes          status = trailers grpc-status, grpc-message
 */
export class GrpcSession implements Disposable {
  readonly #url: string;
  readonly #tls: TlsTexts;
  #session: ClientHttp2Session | undefined;
  #isClosed = false;
  /** Connections that are not made yet. */
  readonly #connecting = new WeakSet<ClientHttp2Session>();

  constructor(url: string, tls: TlsTexts = {}) {
    this.#url = url;
    this.#tls = tls;
  }

  /** One request, one answer. Throws CallError. */
  unary(path: string, message: Buffer, limitMs: number): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    let answer: Buffer | undefined;
    const stream = this.#open(
      path,
      (taken) => (answer = taken),
      (error) => {
        if (error) reject(error);
        else if (answer) resolve(answer);
        else reject(new CallError(statusCode.INTERNAL, 'an answer without a message'));
      },
      limitMs,
    );
    stream?.end(framed(message));
    return promise;
  }

  /** One request, answers until the server ends it or the signal aborts. Throws CallError, also when the server ends it well. */
  stream(path: string, message: Buffer, visit: (answer: Buffer) => void, signal: AbortSignal): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    const cancel = (): void => stream?.close(constants.NGHTTP2_CANCEL);
    const stream = this.#open(path, visit, (error) => {
      signal.removeEventListener('abort', cancel);
      reject(error ?? new CallError(statusCode.UNAVAILABLE, 'the stream ended'));
    });
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    // Not ended: the server takes that for the client's leaving.
    stream?.write(framed(message));
    return promise;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#session?.destroy();
  }

  #open(path: string, visit: (message: Buffer) => void, done: (error?: unknown) => void, limitMs?: number): ClientHttp2Stream | undefined {
    if (this.#isClosed) {
      done(new CallError(statusCode.CANCELLED, 'the connection is closed'));
      return undefined;
    }
    const session = this.#connected();
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      hasleader: 'true',
    });
    const outcome: { status?: CallError | 'ok'; thrown?: unknown; broke?: string } = {};
    const end = (status: CallError): void => {
      outcome.status ??= status;
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const late = (): void => end(new CallError(statusCode.DEADLINE_EXCEEDED, `no answer within ${(limitMs ?? 0) / 1000} s`));
    const timer = limitMs === undefined ? undefined : setTimeout(late, limitMs);
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] !== undefined) outcome.status ??= statusOf(headers);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on(
      'data',
      messageReader((message) => {
        try {
          visit(message);
        } catch (error) {
          outcome.thrown = error;
          stream.close(constants.NGHTTP2_CANCEL);
        }
      }),
    );
    // 'close' always follows. What broke the connection is the cause of what it did to the stream.
    stream.on('error', (error) => (outcome.broke = messageOf(error.cause ?? error)));
    stream.on('close', () => {
      clearTimeout(timer);
      if (outcome.thrown !== undefined) done(outcome.thrown);
      else if (outcome.status === 'ok') done();
      else done(outcome.status ?? this.#broken(session, outcome.broke));
    });
    return stream;
  }

  /** A request on a connection that was never made has reached nobody. */
  #broken(session: ClientHttp2Session, reason: string | undefined): CallError {
    const what = this.#connecting.has(session) ? noConnection : 'the connection broke';
    return new CallError(statusCode.UNAVAILABLE, reason === undefined ? what : `${what}: ${reason}`);
  }

  #connected(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = connect(this.#url, { ...this.#tls, settings: { initialWindowSize: windowBytes, enablePush: false } });
    this.#session = session;
    this.#connecting.add(session);
    session.on('connect', () => {
      this.#connecting.delete(session);
      session.setLocalWindowSize(windowBytes);
    });
    session.on('error', () => undefined); // Each of its streams tells.
    const pings = setInterval(() => ping(session), pingMs).unref();
    session.on('close', () => clearInterval(pings));
    return session;
  }
}

/** A server that is gone without a word is noticed. */
function ping(session: ClientHttp2Session): void {
  if (session.destroyed || session.connecting) return;
  const late = setTimeout(() => session.destroy(new Error('the server does not answer pings')), pongWithinMs).unref();
  session.ping(() => clearTimeout(late));
}

function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  return frame;
}

/** Puts messages together from chunks as they come. */
function messageReader(visit: (message: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  let [have, need] = [0, 5];
  return (chunk) => {
    pending.push(chunk);
    have += chunk.length;
    while (have >= need) {
      let bytes = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending);
      need = bytes.length < 5 ? 5 : 5 + bytes.readUInt32BE(1);
      while (bytes.length >= need) {
        visit(bytes.subarray(5, need));
        bytes = bytes.subarray(need);
        need = bytes.length < 5 ? 5 : 5 + bytes.readUInt32BE(1);
      }
      pending = bytes.length > 0 ? [bytes] : [];
      have = bytes.length;
    }
  };
}

function statusOf(headers: Readonly<Record<string, unknown>>): CallError | 'ok' {
  const code = Number(headers['grpc-status']);
  return code === statusCode.OK ? 'ok' : new CallError(code, unescaped(String(headers['grpc-message'] ?? '')));
}

function unescaped(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
