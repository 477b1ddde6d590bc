import { Cron } from 'croner';
import { KindError, messageOf } from '../../base/errors.ts';

/** When a CronJob is due. */
export interface Schedule {
  /** The first time strictly after `after`, both in ms since the epoch; undefined: never again. */
  next(after: number): number | undefined;
}

/** `@every 1h30m5s`: from the moment asked, in whole seconds. */
const every = /^@every (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;

/** Five fields as in crontab(5), `@hourly` and its like, or `@every 5m`; `zone` is an IANA name, by default UTC. Throws `invalid`. */
export function parseSchedule(schedule: string, zone = 'UTC'): Schedule {
  const interval = every.exec(schedule);
  if (interval) {
    const [hours, minutes, seconds] = interval.slice(1).map((part) => Number(part ?? 0)) as [number, number, number];
    const ms = Math.max(1, hours * 3600 + minutes * 60 + seconds) * 1000;
    return { next: (after) => Math.floor(after / 1000) * 1000 + ms };
  }
  try {
    const cron = new Cron(schedule, { paused: true, mode: '5-part', timezone: zone });
    return { next: (after) => cron.nextRun(new Date(after))?.getTime() };
  } catch (error) {
    throw new KindError('invalid', messageOf(error));
  }
}

export function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
