import { KindError } from '../../base/errors.ts';

const nanoseconds: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Go's duration, `1m30s`, in nanoseconds. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (text === '0') return 0;
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new KindError('invalid', `time: invalid duration "${text}": want for example 30s or 1m30s`);
  return Math.round(parts.reduce((sum, [, number = '', unit = '']) => sum + Number(number) * (nanoseconds[unit] ?? 0), 0));
}
