import { KindError } from '../../base/errors.ts';

/** Go's zero time, which Docker sends for "never". */
export const never = '0001-01-01T00:00:00Z';

export function timeText(time: Date | undefined): string {
  return time === undefined ? never : time.toISOString();
}

/** `since` and `until`: seconds since 1970 with a fraction (`1700000000.123456789`), or RFC 3339. Empty and `0`: absent. */
export function parseTime(name: string, given: string | null): Date | undefined {
  if (given === null || given === '' || given === '0') return undefined;
  if (/^-?\d+(\.\d+)?$/.test(given)) return new Date(Number(given) * 1000);
  const time = new Date(given);
  if (Number.isNaN(time.getTime()))
    throw new KindError('invalid', `invalid value for "${name}": failed to parse "${given}" as a timestamp`);
  return time;
}

/** Seconds, as lists carry them. */
export function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
