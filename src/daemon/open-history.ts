import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Act } from '../kubernetes/client/acts.ts';
import { RotatingFile } from './rotating-file.ts';

/** What was done and why, for days, beside the store and not in it. */
export interface HistoryFile extends AsyncDisposable {
  record(act: Act): void;
  lines(): AsyncIterable<string>;
}

/** At most 64 MB, some 200,000 acts; a week where there are fewer. */
const limits = { maxBytes: 16 * 2 ** 20, maxBackups: 3, maxAgeDays: 7 };

/** `folder` is made if it is not there. */
export async function openHistory(folder: string, log: Log): Promise<HistoryFile> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = await RotatingFile.open({ holds: 'acts', path: join(folder, 'acts.log'), ...limits }, log);
  return {
    record: (act) => file.write(JSON.stringify(act)),
    lines: () => file.lines(),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
