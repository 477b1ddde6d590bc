import { constants } from 'node:os';
import { KindError } from '../../base/errors.ts';

/** `SIGTERM`, `term`, `15`, `RTMIN+3` → the number. */
export function signalNumber(signal: string): number {
  if (/^\d+$/.test(signal)) {
    const number = Number(signal);
    if (number > 0 && number <= 64) return number;
    throw new KindError('invalid', `invalid signal: ${signal}`);
  }
  const name = signal.toUpperCase().replace(/^SIG/, '');
  const realtime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  if (realtime) return (realtime[1] === 'MIN' ? 34 : 64) + Number(realtime[2] ?? 0);
  const number = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (number === undefined) throw new KindError('invalid', `invalid signal: ${signal}`);
  return number;
}
