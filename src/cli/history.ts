import { KindError } from '../base/errors.ts';
import type { Config } from '../daemon/config.ts';
import type { History } from '../explain/history.ts';
import { renderHistory } from '../explain/render-history.ts';
import { askServer } from './ask-server.ts';
import { objectOf } from './object-argument.ts';

export interface HistoryFlags {
  readonly namespace: string;
  readonly output: 'text' | 'json';
  readonly all?: boolean;
  readonly since?: string;
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `davit history deploy/web`: every act of the controllers on it and on what was made for it, with its cause. */
export async function history(
  target: string,
  flags: Partial<Config>,
  { namespace, output, all = false, since }: HistoryFlags,
): Promise<void> {
  const { kind, name } = objectOf(target);
  const path = ['davit', 'history', kind, namespace, name, ...(since === undefined ? [] : [startOf(since)])]
    .map(encodeURIComponent)
    .join('/');
  const found = (await askServer(flags, `/${path}`)) as History;
  process.stdout.write(output === 'json' ? `${JSON.stringify(found, undefined, 2)}\n` : renderHistory(found, { all }));
}

/** RFC 3339; `90s`, `15m`, `2h` and `3d` count back from now. */
function startOf(since: string): string {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(since) ?? [];
  const at = count === undefined ? Date.parse(since) : Date.now() - Number(count) * (unitMs[unit] ?? 0);
  if (Number.isNaN(at))
    throw new KindError('invalid', `--since ${since}: want a duration (90s, 15m, 2h, 3d) or a time (2026-01-02T15:04:05Z)`);
  return new Date(at).toISOString();
}
