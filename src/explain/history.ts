import type { Act, Named } from '../kubernetes/client/acts.ts';

/** What was done to an object and to what was made for it, oldest first. */
export interface History {
  readonly object: string;
  readonly acts: readonly Act[];
  /** Older acts of it that are left out. */
  readonly leftOut: number;
}

/** The newest acts of one object that an answer holds. */
const mostActs = 5000;

/** Lines read before others get a turn: some ten milliseconds of work. */
const linesPerTurn = 4000;

/**
 * Finds in the record, which is in order of time, all that concerns an object: acts on it, acts of its controller, and the
 * same for each object that was made for it, so that a Deployment's history is that of its pods too, also of those long gone.
 */
export async function historyOf(lines: AsyncIterable<string>, start: Named, since = ''): Promise<History> {
  const kin = new Set([nameOf(start)]);
  const acts: Act[] = [];
  let read = 0;
  let leftOut = 0;
  for await (const line of lines) {
    if (++read % linesPerTurn === 0) await turn();
    const act = parse(line);
    if (!act) continue;
    const isAbout = kin.has(nameOf(act.about));
    if (!isAbout && !kin.has(nameOf(act.object))) continue;
    if (isAbout && act.verb === 'create') kin.add(nameOf(act.object));
    if (act.at < since) continue;
    acts.push(act);
    if (acts.length < 2 * mostActs) continue;
    leftOut += acts.splice(0, mostActs).length;
  }
  leftOut += acts.splice(0, acts.length - mostActs).length;
  return { object: nameOf(start), acts, leftOut };
}

function nameOf({ kind, key }: Named): string {
  return `${kind} ${key}`;
}

/** Undefined: a line that was cut off when the disk was full or the power went. */
function parse(line: string): Act | undefined {
  try {
    return JSON.parse(line) as Act;
  } catch {
    return undefined;
  }
}

function turn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}
