import { decode, type DecodedPacket } from 'dns-packet';

/** CoreDNS keeps what it forwarded for at most so long. */
const longestSeconds = 30;
const mostEntries = 10_000;
/** RFC 1035 rcode */
const nonexistent = 3;

interface Entry {
  readonly reply: Buffer;
  readonly storedAt: number;
  readonly expiresAt: number;
  /** Where each record's TTL is, in bytes. */
  readonly ttls: readonly number[];
}

/** Replies of other resolvers by question, also those that say there is nothing (RFC 2308), as long as their TTLs allow. */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** With the id of the query and with the TTLs that are left. */
  get(query: Buffer): Buffer | undefined {
    const key = keyOf(query);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const now = this.#now();
    if (entry.expiresAt <= now) {
      this.#entries.delete(key);
      return undefined;
    }
    const reply = Buffer.from(entry.reply);
    query.copy(reply, 0, 0, 2);
    const age = Math.floor((now - entry.storedAt) / 1000);
    for (const at of entry.ttls) reply.writeUInt32BE(Math.max(1, reply.readUInt32BE(at) - age), at);
    return reply;
  }

  put(query: Buffer, reply: Buffer): void {
    const packet = decoded(reply);
    const seconds = packet ? lifetime(packet) : 0;
    if (seconds <= 0) return;
    const now = this.#now();
    this.#entries.delete(keyOf(query));
    if (this.#entries.size >= mostEntries) this.#entries.delete(this.#entries.keys().next().value ?? '');
    this.#entries.set(keyOf(query), { reply: Buffer.from(reply), storedAt: now, expiresAt: now + seconds * 1000, ttls: ttlOffsets(reply) });
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** Everything of a query but its id: flags, question and EDNS options, which may all change the answer. */
export function keyOf(query: Buffer): string {
  return query.toString('latin1', 2);
}

function decoded(reply: Buffer): DecodedPacket | undefined {
  try {
    return decode(reply);
  } catch {
    return undefined;
  }
}

/** Seconds; 0: not to be kept (failures, truncated ones, denials without an SOA). */
function lifetime(packet: DecodedPacket): number {
  const rcode = (packet.flags ?? 0) & 15;
  const isKept = !packet.flag_tc && (rcode === 0 || rcode === nonexistent);
  if (!isKept) return 0;
  const answers = packet.answers ?? [];
  if (answers.length > 0)
    return Math.min(longestSeconds, ...answers.map((answer) => ('ttl' in answer ? (answer.ttl ?? 0) : longestSeconds)));
  const soa = packet.authorities?.find((record) => record.type === 'SOA');
  return soa?.type === 'SOA' ? Math.min(longestSeconds, soa.ttl ?? 0, soa.data.minimum ?? 0) : 0;
}

/** RFC 1035 §4.1: header of 12 bytes, questions (name, 4 bytes), records (name, 2 type, 2 class, 4 TTL, 2 length, data). OPT has flags there. */
function ttlOffsets(message: Buffer): readonly number[] {
  const offsets: number[] = [];
  let at = 12;
  for (let count = message.readUInt16BE(4); count > 0; count -= 1) at = afterName(message, at) + 4;
  for (let count = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10); count > 0; count -= 1) {
    const record = afterName(message, at);
    const opt = 41;
    if (message.readUInt16BE(record) !== opt) offsets.push(record + 4);
    at = record + 10 + message.readUInt16BE(record + 8);
  }
  return offsets;
}

function afterName(message: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    // A pointer ends a name.
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
}
