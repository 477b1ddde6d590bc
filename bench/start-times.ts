import type { Machine } from '../test/support/machine.ts';

export interface StartTime {
  readonly apiMs: number;
  readonly readyMs: number;
}

/** `davit up` of a stopped davit whose data is there; API: as `davit up` itself measured it. */
export async function startTimes(machine: Machine, times: number): Promise<readonly StartTime[]> {
  const results: StartTime[] = [];
  for (let round = 0; round < times; round += 1) {
    await machine.davit('down');
    const began = performance.now();
    const said = await machine.davit('up');
    const readyMs = performance.now() - began;
    const seconds = /server answers\s+([\d.]+) s/.exec(said)?.[1];
    if (seconds === undefined) throw new Error(`davit up does not tell when the server answered:\n${said}`);
    results.push({ apiMs: Number(seconds) * 1000, readyMs });
  }
  return results;
}
