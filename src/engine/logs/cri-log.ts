import type { LogLine } from '../containers/containers.ts';

/** `2026-01-02T03:04:05.123456789+00:00 stdout F hello`; P = part of a longer line, the rest follows. */
export function parseCriLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  const third = line.indexOf(0x20, second + 1);
  if (first <= 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const text = line.subarray(third + 1);
  const isPartial = line.toString('latin1', second + 1, third).startsWith('P');
  return { stream, time: utcTime(line.toString('latin1', 0, first)), data: isPartial ? text : Buffer.concat([text, Buffer.from('\n')]) };
}

/** Local time with offset → UTC, keeping the nanoseconds. */
function utcTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return text;
  const [, seconds = '', fraction = '', zone = 'Z'] = match;
  const utc = zone === 'Z' || zone === '+00:00' ? seconds : new Date(`${seconds}${zone}`).toISOString().slice(0, 19);
  return `${utc}${fraction.padEnd(10, '0').replace(/^0/, '.')}Z`;
}
