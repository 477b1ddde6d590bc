/** Elements as nfnetlink messages (linux/netfilter/nf_tables.h): the kernel takes them in microseconds, nft(8) first reads every set of the table. Pure. */
import { KindError } from '../base/errors.ts';
import { parseCidr } from './ip-address.ts';
import { ack, create, encodeAttributes, encodeMessage, nested, request, text, type Attribute } from './netlink.ts';
import type { NftElement, NftElementChange } from './nft-element.ts';

export const netfilterFamily = 12;

const nftables = 10;
const [newElement, deleteElement] = [12, 14];
const [batchBegin, batchEnd] = [16, 17];
export const nfFamilies: Readonly<Record<string, number>> = { inet: 1, ip: 2, bridge: 7, ip6: 10 };
const protocols: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, sctp: 132 };
/** NFTA_SET_ELEM_LIST_*, NFTA_LIST_ELEM, NFTA_SET_ELEM_*, NFTA_DATA_*, NFTA_VERDICT_* */
const list = { table: 1, set: 2, elements: 3 } as const;
const listElement = 1;
const element = { key: 1, data: 2, keyEnd: 10 } as const;
const data = { value: 1, verdict: 2 } as const;
const verdict = { code: 1, chain: 2 } as const;
const verdictCodes: Readonly<Record<string, number>> = { drop: 0, accept: 1, jump: -3, goto: -4 };

/** An attribute counts its length in 16 bits. */
const elementsPerMessage = 250;

/** One batch: all of it or nothing. Only its last change asks for an acknowledgement, numbered `lastSequence`. */
export function encodeElementBatch(
  family: string,
  table: string,
  change: NftElementChange,
): { readonly batch: Buffer; readonly lastSequence: number } {
  const familyNumber = nfFamilies[family];
  if (familyNumber === undefined) throw new KindError('invalid', `nftables has no family ${family}`);
  const parts = [...parcels(deleteElement, change.remove), ...parcels(newElement, change.add)];
  const messages = parts.map(({ type, collection, elements }, index) => {
    const isLast = index === parts.length - 1;
    const attributes = encodeAttributes([
      [list.table, text(table)],
      [list.set, text(collection)],
      [list.elements | nested, encodeAttributes(elements.map((one) => [listElement | nested, encodeElement(one, type)]))],
    ]);
    const flags = request | (type === newElement ? create : 0) | (isLast ? ack : 0);
    return encodeMessage((nftables << 8) | type, flags, index + 1, Buffer.concat([Buffer.from([familyNumber, 0, 0, 0]), attributes]));
  });
  const edge = (type: number, sequence: number): Buffer => encodeMessage(type, request, sequence, Buffer.from([0, 0, 0, nftables]));
  return {
    batch: Buffer.concat([edge(batchBegin, 0), ...messages, edge(batchEnd, parts.length + 1)]),
    lastSequence: parts.length,
  };
}

interface Parcel {
  readonly type: number;
  readonly collection: string;
  readonly elements: readonly NftElement[];
}

function parcels(type: number, elements: readonly NftElement[]): readonly Parcel[] {
  return [...Map.groupBy(elements, (one) => one.collection)].flatMap(([collection, own]) =>
    Array.from({ length: Math.ceil(own.length / elementsPerMessage) }, (_, index) => ({
      type,
      collection,
      elements: own.slice(index * elementsPerMessage, (index + 1) * elementsPerMessage),
    })),
  );
}

function encodeElement({ key, value }: NftElement, type: number): Buffer {
  const attributes: Attribute[] = [[element.key | nested, encodeAttributes([[data.value, concatenation(key, 'first')]])]];
  // Of a set of ranges: up to where.
  if (/[/-]/.test(key)) attributes.push([element.keyEnd | nested, encodeAttributes([[data.value, concatenation(key, 'last')]])]);
  if (value !== undefined && type === newElement) attributes.push([element.data | nested, encodeAttributes([encodeValue(value)])]);
  return encodeAttributes(attributes);
}

function encodeValue(value: string): Attribute {
  const [word = '', chain] = value.split(' ');
  const code = verdictCodes[word];
  if (code === undefined) return [data.value, concatenation(value, 'first')];
  const number = Buffer.alloc(4);
  number.writeInt32BE(code);
  const named: readonly Attribute[] = chain === undefined ? [] : [[verdict.chain, text(chain)]];
  return [data.verdict | nested, encodeAttributes([[verdict.code, number], ...named])];
}

type End = 'first' | 'last';

/** Each part begins at a multiple of 4 bytes; a part that is alone is not padded. */
function concatenation(words: string, end: End): Buffer {
  const parts = words.split(' . ').map((word) => encodePart(word, end));
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  return Buffer.concat(parts.map((part) => Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)])));
}

function encodePart(word: string, end: End): Buffer {
  const protocol = protocols[word];
  if (protocol !== undefined) return Buffer.from([protocol]);
  if (!/^[\d-]+$/.test(word)) return encodeNetwork(word, end);
  const [low = '', high = low] = word.split('-');
  const port = Buffer.alloc(2);
  port.writeUInt16BE(Number(end === 'first' ? low : high));
  return port;
}

/** `10.1.0.0/16` → 10.1.0.0 … 10.1.255.255. */
function encodeNetwork(word: string, end: End): Buffer {
  const { bytes, prefix } = parseCidr(word);
  return Buffer.from(
    bytes.map((byte, index) => {
      const free = Math.min(8, Math.max(0, (index + 1) * 8 - prefix));
      const mask = (1 << free) - 1;
      return end === 'first' ? byte & ~mask : byte | mask;
    }),
  );
}
