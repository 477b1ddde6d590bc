import { AUTHORITATIVE_ANSWER, RECURSION_AVAILABLE, RECURSION_DESIRED, type Answer, type Packet } from 'dns-packet';

/** RFC 1035 §4.1.4: the name at byte 12, which is the question's. */
const sameName = 0xc00c;
const recordLength = 16;

/** The addresses of a reply that holds nothing but addresses of the name asked for. */
export function onlyAddresses(name: string, answers: readonly Answer[]): readonly string[] | undefined {
  const addresses = answers.flatMap((answer) => (answer.type === 'A' && answer.name === name ? [answer.data] : []));
  return addresses.length > 0 && addresses.length === answers.length ? addresses : undefined;
}

/**
 * The reply to a query of one question, by far the most frequent, with names compressed: 16 bytes an address. `options`:
 * the EDNS record to end with, empty for none.
 */
export function encodeAddresses(message: Buffer, query: Packet, addresses: readonly string[], ttl: number, options: Buffer): Buffer {
  const end = endOfQuestion(message);
  const reply = Buffer.alloc(end + addresses.length * recordLength + options.length);
  message.copy(reply, 0, 0, end);
  reply.writeUInt16BE(0x8000 | AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED), 2);
  for (const [index, count] of [1, addresses.length, 0, options.length > 0 ? 1 : 0].entries()) reply.writeUInt16BE(count, 4 + 2 * index);
  let at = end;
  for (const address of addresses) {
    reply.writeUInt16BE(sameName, at);
    reply.writeUInt32BE(0x0001_0001, at + 2);
    reply.writeUInt32BE(ttl, at + 6);
    reply.writeUInt16BE(4, at + 10);
    let [part, position] = [0, at + 12];
    for (let index = 0; index < address.length; index += 1) {
      const code = address.charCodeAt(index);
      const dot = 46;
      if (code !== dot) {
        part = part * 10 + code - 48;
        continue;
      }
      reply[position] = part;
      [part, position] = [0, position + 1];
    }
    reply[position] = part;
    at += recordLength;
  }
  options.copy(reply, at);
  return reply;
}

function endOfQuestion(message: Buffer): number {
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) at += 1 + length;
  return at + 5;
}
