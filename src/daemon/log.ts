import { pino } from 'pino';
import type { Log } from '../base/log.ts';

/** JSON lines on standard error, level by DAVIT_LOG (default info). */
export function createLog(role: string): Log {
  return pino(
    { base: { role }, level: process.env['DAVIT_LOG'] ?? 'info', timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
