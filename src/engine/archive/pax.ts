import { KindError } from '../../base/errors.ts';

export type PaxRecords = Readonly<Record<string, string>>;

export const attributePrefix = 'SCHILY.xattr.';

/** `30 mtime=1700000000.123456789\n` and so on: length (of the whole record, itself included), space, key, `=`, value, newline. POSIX.1-2001 pax. */
export function decodePax(data: Buffer): PaxRecords {
  const records: Record<string, string> = {};
  /** Sparse format 0.0 repeats its keys; 0.1 has the same in one record. */
  const map: string[] = [];
  let position = 0;
  while (position < data.length && data[position] !== 0) {
    const space = data.indexOf(0x20, position);
    const length = Number(data.toString('latin1', position, space));
    const equals = data.indexOf(0x3d, space);
    if (space < 0 || equals < 0 || !Number.isInteger(length) || length <= equals - position || data[position + length - 1] !== 0x0a) {
      throw new KindError('invalid', 'not a tar archive: broken PAX record');
    }
    const [key, value] = [data.toString('latin1', space + 1, equals), data.toString('latin1', equals + 1, position + length - 1)];
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') map.push(value);
    else records[key] = value;
    position += length;
  }
  if (map.length > 0) records['GNU.sparse.map'] = map.join(',');
  return records;
}

/** Records in key order, so that equal records are equal bytes. */
export function encodePax(records: PaxRecords): Buffer {
  const lines = Object.keys(records)
    .sort()
    .map((key) => recordOf(key, records[key] ?? ''));
  return Buffer.from(lines.join(''), 'latin1');
}

function recordOf(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** `1700000000.000000001` → nanoseconds. */
export function parseTime(value: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value);
  if (!match) throw new KindError('invalid', `not a tar archive: bad time "${value}"`);
  const [, sign, seconds = '0', fraction = ''] = match;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -nanoseconds : nanoseconds;
}

export function formatTime(nanoseconds: bigint): string {
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const sign = nanoseconds < 0n ? '-' : '';
  return `${sign}${absolute / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}
