import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Answer,
  type Packet,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { encodeAddresses, onlyAddresses } from './address-reply.ts';
import { AnswerCache, keyOf } from './answer-cache.ts';
import { forward, type Transport } from './forward.ts';
import { answerTtl, resolve, type Resolution } from './resolve.ts';
import { resolversFor, type Resolver, type Upstreams } from './upstreams.ts';
import type { Zone } from './zone.ts';

export interface ResponderOptions {
  /** The zone now; called for every question. The same object means the same answers. */
  readonly zone: () => Zone;
  readonly upstreams: () => Upstreams;
  /** The host's own resolvers. */
  readonly hostResolvers: () => readonly Resolver[];
  readonly log: Log;
}

const rcodes = { NOERROR: 0, formatError: 1, serverFailure: 2, NXDOMAIN: 3, notImplemented: 4 } as const;
const smallestUdp = 512;
/** Our EDNS record: root name, OPT, 4096 bytes, no flags, no options. */
const ownOptions = Buffer.from('00 0029 1000 00000000 0000'.replaceAll(' ', ''), 'hex');
/** What travels on a pod network in one piece or in few. */
const largestUdp = 4096;
/** Zone answers kept in wire form until the zone changes. */
const mostReady = 10_000;

/** Turns a message into its reply: from the zone, from the cache, or from other resolvers. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #forwarded = { udp: new AnswerCache(), tcp: new AnswerCache() };
  /** Questions that are under way at other resolvers, so that a crowd asks once. */
  readonly #asked = new Map<string, Promise<Buffer>>();
  readonly #ready = new Map<string, Buffer>();
  #zone: Zone | undefined;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Undefined for what is no query at all. At once when no other resolver is needed. */
  answer(message: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer | undefined> {
    const zone = this.#options.zone();
    if (zone !== this.#zone) this.#ready.clear();
    this.#zone = zone;
    const ready = transport === 'udp' ? this.#ready.get(keyOf(message)) : undefined;
    if (ready) return withId(ready, message);
    const query = decodeQuery(message);
    if (query === 'no query') return undefined;
    if (query === 'malformed') return failure(message, rcodes.formatError);
    const question = query.questions?.[0];
    if (query.opcode !== 'QUERY' || !question)
      return failure(message, query.opcode === 'QUERY' ? rcodes.formatError : rcodes.notImplemented);
    const resolution = resolve(zone, question);
    if (resolution.kind === 'forward') return this.#forward(message, question, transport);
    if (resolution.kind === 'chase') return this.#chase(query, question, resolution, transport);
    const reply = respondAddresses(message, query, question, resolution, transport) ?? respond(query, resolution, transport);
    const isFixed = resolution.answers.length + resolution.additionals.length <= 1;
    if (transport === 'udp' && isFixed && this.#ready.size < mostReady) this.#ready.set(keyOf(message), reply);
    return reply;
  }

  /** Other resolvers' settings changed. */
  forget(): void {
    this.#forwarded.udp.clear();
    this.#forwarded.tcp.clear();
  }

  #forward(message: Buffer, question: Question, transport: Transport): Buffer | Promise<Buffer> {
    return (
      this.#forwarded[transport].get(message) ??
      this.#ask(message, question.name, transport).catch((error: unknown) => {
        this.#options.log.debug({ name: question.name, error: messageOf(error) }, 'no resolver answered');
        return failure(message, rcodes.serverFailure);
      })
    );
  }

  async #ask(message: Buffer, name: string, transport: Transport): Promise<Buffer> {
    const key = `${transport} ${keyOf(message)}`;
    const underWay = this.#asked.get(key);
    if (underWay) return withId(await underWay, message);
    const { upstreams, hostResolvers } = this.#options;
    const asked = forward(message, transport, resolversFor(upstreams(), name, hostResolvers));
    this.#asked.set(key, asked);
    try {
      const reply = await asked;
      this.#forwarded[transport].put(message, reply);
      return reply;
    } finally {
      this.#asked.delete(key);
    }
  }

  /** An alias of ours (ExternalName) with what its target is: clients do not go on by themselves. */
  async #chase(query: Packet, question: Question, found: Extract<Resolution, { kind: 'chase' }>, transport: Transport): Promise<Buffer> {
    const next = encode({ type: 'query', id: query.id ?? 0, flags: RECURSION_DESIRED, questions: [{ ...question, name: found.target }] });
    try {
      const reply = decode(this.#forwarded[transport].get(next) ?? (await this.#ask(next, found.target, transport)));
      const rcode = ((reply.flags ?? 0) & 15) === rcodes.NXDOMAIN ? 'NXDOMAIN' : 'NOERROR';
      const answers = [...found.answers, ...(reply.answers ?? [])];
      return respond(query, { kind: 'answer', rcode, answers, authorities: reply.authorities ?? [], additionals: [] }, transport);
    } catch (error) {
      this.#options.log.debug({ name: found.target, error: messageOf(error) }, 'no resolver answered');
      return encodeReply(query, rcodes.serverFailure, { answers: found.answers, authorities: [], additionals: [] });
    }
  }
}

function decodeQuery(message: Buffer): (Packet & { readonly opcode?: string }) | 'malformed' | 'no query' {
  // Twelve bytes of header; the highest bit of the third is set in replies.
  if (message.length < 12 || (message.readUInt8(2) & 0x80) !== 0) return 'no query';
  try {
    return decode(message);
  } catch {
    return 'malformed';
  }
}

/** The header alone, with the question left out since it may be what was wrong. */
function failure(message: Buffer, rcode: number): Buffer {
  const flags = (message.readUInt16BE(2) & 0x7900) | 0x8080 | rcode;
  const reply = Buffer.alloc(12);
  message.copy(reply, 0, 0, 2);
  reply.writeUInt16BE(flags, 2);
  return reply;
}

function respond(query: Packet, resolution: Extract<Resolution, { kind: 'answer' }>, transport: Transport): Buffer {
  const reply = encodeReply(query, rcodes[resolution.rcode], resolution);
  if (transport === 'tcp' || reply.length <= udpSize(query)) return reply;
  return encodeReply(query, rcodes[resolution.rcode], { answers: [], authorities: [], additionals: [] }, TRUNCATED_RESPONSE);
}

function respondAddresses(
  message: Buffer,
  query: Packet,
  question: Question,
  { answers, authorities, additionals }: Extract<Resolution, { kind: 'answer' }>,
  transport: Transport,
): Buffer | undefined {
  if (authorities.length + additionals.length > 0 || query.questions?.length !== 1) return undefined;
  const addresses = onlyAddresses(question.name, answers);
  if (!addresses) return undefined;
  const reply = encodeAddresses(message, query, addresses, answerTtl, optionsOf(query) ? ownOptions : Buffer.alloc(0));
  return transport === 'tcp' || reply.length <= udpSize(query) ? reply : undefined;
}

interface Sections {
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
  readonly additionals: readonly Answer[];
}

function encodeReply(query: Packet, rcode: number, { answers, authorities, additionals }: Sections, flags = 0): Buffer {
  const asked = (query.flags ?? 0) & RECURSION_DESIRED;
  const options: readonly Answer[] = optionsOf(query)
    ? [{ type: 'OPT', name: '.', udpPayloadSize: largestUdp, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }]
    : [];
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: asked | RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | flags | rcode,
    questions: query.questions ?? [],
    answers: [...answers],
    authorities: [...authorities],
    additionals: [...additionals, ...options],
  });
}

function optionsOf(query: Packet): Answer | undefined {
  return query.additionals?.find((record) => record.type === 'OPT');
}

/** 512 bytes, or what the client's EDNS option offers (RFC 6891). */
function udpSize(query: Packet): number {
  const option = optionsOf(query);
  const offered = option && 'udpPayloadSize' in option ? option.udpPayloadSize : smallestUdp;
  return Math.min(largestUdp, Math.max(smallestUdp, offered));
}

function withId(reply: Buffer, query: Buffer): Buffer {
  const own = Buffer.from(reply);
  query.copy(own, 0, 0, 2);
  return own;
}
