import table from './protobuf.generated.json' with { type: 'json' };
import { bytesOf, malformed, numberOf, packedNumbers, wireFields, type WireValue } from './protobuf-wire.ts';
import { schemaName } from './schema-table.ts';

/**
 * One field of a message, from tools/generate-protobuf.ts. `type` is a message's name in the table or one of: string, bytes, bool,
 * int, time, microTime, quantity, intOrString, json. Flags:
 *
 *   `*` repeated      `m` map of strings to the type
 *   `k` keeps zero: a pointer in Go, or never left out of its JSON (`replicas: 0` says something, `nodePort: 0` nothing)
 *   `i` inline: the message's fields are its holder's (a Volume's VolumeSource)
 */
export type WireFact = readonly [name: string, type: string, flags?: string];

const messages = table as unknown as Readonly<Record<string, Readonly<Record<string, WireFact>> | undefined>>;

const deleteOptions = 'apimachinery.pkg.apis.meta.v1.DeleteOptions';

/**
 * The object in Kubernetes' protobuf form of a body, as its JSON would be: kubectl's typed commands send it (`create deployment`,
 * `expose`, `drain` …). Fields that are not known are passed over.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 *
 *   body = "k8s\0" + Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw bytes of the object }
 *
 * Go writes every field that is no pointer, also when it is zero; such zeros are dropped where JSON would leave them out.
 */
export function decodeProtobuf(body: Uint8Array): unknown {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes.subarray(0, 4).toString('latin1') !== 'k8s\0') throw malformed('the body does not start with the mark "k8s"');
  const envelope = bytes.subarray(4);
  const typeMeta = bytesOf(envelope, 1);
  const [apiVersion, kind] = [bytesOf(typeMeta, 1).toString('utf8'), bytesOf(typeMeta, 2).toString('utf8')];
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  // Every group has DeleteOptions of its own name and version.
  const name = kind === 'DeleteOptions' ? deleteOptions : schemaName(group, version, kind);
  if (name === undefined || !messages[name]) throw malformed(`${apiVersion}, Kind=${kind} is not read as protobuf, send JSON`);
  return { apiVersion, kind, ...readMessage(name, bytesOf(envelope, 2)) };
}

function readMessage(name: string, bytes: Buffer): Record<string, unknown> {
  const known = messages[name] ?? {};
  const result: Record<string, unknown> = {};
  const lists = new Map<string, unknown[]>();
  const maps = new Map<string, (readonly [string, unknown])[]>();
  for (const [number, value] of wireFields(bytes)) {
    const [key, type, flags = ''] = known[number] ?? ['', ''];
    if (type === '') continue;
    if (flags.includes('*')) append(lists, key, itemsOf(type, value));
    else if (flags.includes('m')) append(maps, key, [entryOf(type, asBytes(value))]);
    else if (flags.includes('i')) Object.assign(result, readMessage(type, asBytes(value)));
    else {
      const decoded = valueOf(type, value);
      if (decoded !== undefined && (flags.includes('k') || !isZero(decoded))) result[key] = decoded;
    }
  }
  for (const [key, items] of lists) result[key] = items;
  for (const [key, entries] of maps) result[key] = Object.fromEntries(entries);
  return result;
}

function append<T>(lists: Map<string, T[]>, key: string, items: readonly T[]): void {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  for (const item of items) list.push(item);
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}

function itemsOf(type: string, value: WireValue): readonly unknown[] {
  return type === 'int' && Buffer.isBuffer(value) ? packedNumbers(value) : [valueOf(type, value)];
}

function entryOf(type: string, bytes: Buffer): readonly [string, unknown] {
  return [bytesOf(bytes, 1).toString('utf8'), valueOf(type, bytesOf(bytes, 2))];
}

function valueOf(type: string, value: WireValue): unknown {
  if (type === 'int') return asNumber(value);
  if (type === 'bool') return asNumber(value) !== 0;
  const bytes = asBytes(value);
  switch (type) {
    case 'string':
      return bytes.toString('utf8');
    case 'bytes':
      return bytes.toString('base64');
    case 'quantity':
      return bytesOf(bytes, 1).toString('utf8') || '0';
    case 'intOrString':
      return numberOf(bytes, 1) === 0 ? numberOf(bytes, 2) : bytesOf(bytes, 3).toString('utf8');
    case 'time':
      return timeOf(bytes, 0);
    case 'microTime':
      return timeOf(bytes, 6);
    case 'json':
      return jsonOf(bytesOf(bytes, 1).toString('utf8'));
    default:
      return isList(type) ? (readMessage(type, bytes)[''] ?? []) : readMessage(type, bytes);
  }
}

/** `ExtraValue`: a message of one repeated field, whose JSON is the list itself. */
function isList(type: string): boolean {
  const [name, , flags] = messages[type]?.['1'] ?? [];
  return name === '' && flags === '*';
}

/** Of { 1: seconds, 2: nanoseconds }; nothing at all stands for no time. */
function timeOf(bytes: Buffer, digits: 0 | 6): string | undefined {
  if (bytes.length === 0) return undefined;
  const date = new Date(numberOf(bytes, 1) * 1000);
  if (Number.isNaN(date.getTime())) throw malformed('a time is out of range');
  const fraction = String(numberOf(bytes, 2)).padStart(9, '0').slice(0, digits);
  return date.toISOString().replace('.000Z', fraction === '' ? 'Z' : `.${fraction}Z`);
}

function jsonOf(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('an embedded object is not JSON');
  }
}

function asNumber(value: WireValue): number {
  if (typeof value !== 'number') throw malformed('a number was sent as bytes');
  return value;
}

function asBytes(value: WireValue): Buffer {
  if (typeof value === 'number') throw malformed('bytes were sent as a number');
  return value;
}
