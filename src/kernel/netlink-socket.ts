import { closeSync } from 'node:fs';
import { native, systemError } from './native.ts';
import {
  ack,
  decodeAttributes,
  decodeMessages,
  decodeText,
  doneType,
  dump,
  encodeMessage,
  errorType,
  request,
  type NetlinkMessage,
} from './netlink.ts';
import { KindError, wrap } from '../base/errors.ts';

const afNetlink = 16;
export const netlinkFamilies = { route: 0, netfilter: 12 } as const;
const sockRawCloexec = 3 | 0o2000000;
const solNetlink = 270;
const extendedAck = 11;

/**
 * A netlink socket of the network namespace it was opened in, whichever namespace uses it later.
 * The kernel answers while it takes a request, so reading never waits.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(32_768);
  #sequence = 0;

  constructor(family: keyof typeof netlinkFamilies = 'route') {
    this.#fd = native.socket(afNetlink, sockRawCloexec, netlinkFamilies[family]);
    if (this.#fd < 0) throw systemError('open netlink socket');
    const on = Buffer.from([1, 0, 0, 0]);
    native.setsockopt(this.#fd, solNetlink, extendedAck, on, on.length);
  }

  /** A change: resolves to the kernel's acknowledgement or throws its refusal. */
  change(type: number, flags: number, payload: Buffer, doing: string): void {
    this.#exchange(type, request | ack | flags, payload, doing);
  }

  /** One object, by its keys in the payload. */
  get(type: number, payload: Buffer, doing: string): NetlinkMessage {
    const [message] = this.#exchange(type, request | ack, payload, doing);
    if (!message) throw new KindError('notFound', `${doing}: no answer`);
    return message;
  }

  list(type: number, payload: Buffer, doing: string): readonly NetlinkMessage[] {
    return this.#exchange(type, request | dump, payload, doing);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** A change that takes the kernel long: another thread waits for it. The socket must not be used meanwhile. */
  async changeLater(type: number, flags: number, payload: Buffer, doing: string): Promise<void> {
    const message = encodeMessage(type, request | ack | flags, ++this.#sequence, payload);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    native.send.async(this.#fd, message, message.length, 0, (error: Error | null, sent: bigint | number) => {
      if (error) reject(error);
      else if (Number(sent) < 0) reject(new KindError('internal', `${doing}: the request could not be sent`));
      else resolve();
    });
    await promise;
    this.#answers(doing);
  }

  /** Sends one request and reads up to its acknowledgement (or the end of its dump). */
  #exchange(type: number, flags: number, payload: Buffer, doing: string): readonly NetlinkMessage[] {
    const message = encodeMessage(type, flags, ++this.#sequence, payload);
    if (Number(native.send(this.#fd, message, message.length, 0)) < 0) throw systemError(doing);
    return this.#answers(doing);
  }

  #answers(doing: string): readonly NetlinkMessage[] {
    const answers: NetlinkMessage[] = [];
    for (;;) {
      const length = Number(native.recv(this.#fd, this.#buffer, this.#buffer.length, 0));
      if (length < 0) throw systemError(doing);
      for (const answer of decodeMessages(Buffer.from(this.#buffer.subarray(0, length)))) {
        if (answer.sequence !== this.#sequence) continue;
        if (answer.type === doneType) return answers;
        if (answer.type !== errorType) {
          answers.push(answer);
          continue;
        }
        const errno = -answer.payload.readInt32LE(0);
        if (errno === 0) return answers;
        throw refusal(doing, errno, answer);
      }
    }
  }
}

/** nlmsgerr: errno, then the request's header (or the whole request), then attributes; attribute 1 is the kernel's own words. */
function refusal(doing: string, errno: number, answer: NetlinkMessage): KindError {
  const error = systemError(doing, errno);
  const requestLength = answer.payload.readUInt32LE(4);
  const words = decodeText(decodeAttributes(answer.payload.subarray(4 + requestLength)).get(1));
  return words === ''
    ? error
    : new KindError(error.kind, `${error.message} (${words})`, { details: error.details, cause: wrap(error, doing) });
}
