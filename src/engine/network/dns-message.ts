import { encode, type Answer, type Packet } from 'dns-packet';

/** RFC 1035 §4.1.1 RCODE */
export const rcode = { none: 0, serverFailure: 2, nameError: 3, notImplemented: 4, refused: 5 } as const;
const responseFlag = 0x8000;
const truncatedFlag = 0x200;
const recursionDesired = 0x100;
const recursionAvailable = 0x80;
/** What a client without EDNS takes over UDP. */
const plainLimit = 512;
/** What we tell that we take; larger answers come over TCP (the size that DNS flag day 2020 recommends). */
const ownLimit = 1232;

export interface ReplyParts {
  readonly code?: number;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}

/** The answer to a query as bytes, cut to what the client takes over UDP: an answer that is too long says so, and the client comes back by TCP. */
export function renderReply(query: Packet, parts: ReplyParts, protocol: 'udp' | 'tcp'): Buffer {
  const limit = protocol === 'tcp' ? 65_535 : udpLimit(query);
  const whole = encode(packet(query, parts, 0));
  return whole.length <= limit ? whole : encode(packet(query, { code: parts.code ?? 0 }, truncatedFlag));
}

/** The client's EDNS record (RFC 6891), undefined without. */
export function ednsOf(query: Packet): Answer | undefined {
  return query.additionals?.find(({ type }) => type === 'OPT');
}

export function isTruncated(answer: Packet): boolean {
  return ((answer.flags ?? 0) & truncatedFlag) !== 0;
}

export function rcodeOf(answer: Packet): number {
  return (answer.flags ?? 0) & 0xf;
}

function udpLimit(query: Packet): number {
  const edns = ednsOf(query) as { readonly udpPayloadSize?: number } | undefined;
  return Math.min(4096, Math.max(plainLimit, edns?.udpPayloadSize ?? plainLimit));
}

function packet(query: Packet, { code = 0, answers = [], authorities = [], additionals = [] }: ReplyParts, flags: number): Packet {
  const own = ednsOf(query)
    ? [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: ownLimit,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        } as Answer,
      ]
    : [];
  return {
    type: 'response',
    id: query.id ?? 0,
    flags: (responseFlag | recursionAvailable | ((query.flags ?? 0) & recursionDesired) | code | flags) & 0x7fff,
    questions: query.questions ?? [],
    answers: [...answers],
    authorities: [...authorities],
    additionals: [...additionals, ...own],
  };
}
