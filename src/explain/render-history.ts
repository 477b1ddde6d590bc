import { actText, type Act } from '../kubernetes/client/acts.ts';
import type { History } from './history.ts';

export interface HistoryView {
  /** Writes of status too. */
  readonly all: boolean;
}

/** What `davit history` prints: a line for each act, under it why. */
export function renderHistory({ object, acts, leftOut }: History, { all }: HistoryView): string {
  const shown = acts.filter((act) => all || !act.verb.includes(' status of'));
  if (shown.length === 0) return `${object}: nothing was done to it in the time that is kept\n`;
  const widest = Math.max(...shown.map(({ by }) => by.length));
  const lines = shown.flatMap((act, index) => {
    const line = `${act.at.slice(0, 23).replace('T', ' ')}   ${act.by.padEnd(widest)}   ${textOf(act)}`;
    const isSameCause = act.causes.join() === shown[index - 1]?.causes.join() && act.by === shown[index - 1]?.by;
    return isSameCause || act.causes.length === 0 ? [line] : [line, `${' '.repeat(29 + widest)}because ${act.causes.join(', ')}`];
  });
  const first = leftOut > 0 ? [`(${leftOut} older ones are left out)`] : [];
  return `${[...first, ...lines].join('\n')}\n`;
}

/** An Event's verb is its reason: `Pod default/web-1 Started: …`. */
function textOf(act: Act): string {
  const { verb, object, detail } = act;
  return /^[A-Z]/.test(verb) ? `${object.kind} ${object.key} ${verb}: ${(detail ?? '').split('\n')[0]}` : actText(act);
}
