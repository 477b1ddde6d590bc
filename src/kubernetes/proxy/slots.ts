import type { Backend } from './backends.ts';

/** Backends by slot; a hole is a slot whose backend went. */
export type Slots = readonly (Backend | undefined)[];

/**
 * Who stays keeps its slot, so that a change of one backend is a change of few elements and clients that were
 * remembered by slot stay where they are. Without affinity there are no holes (the last moves into one), so that
 * equal numbers of backends share their chain.
 *
 *   [a b c] − a = [c b]      with affinity [· b c], then + d = [d b c]
 */
export function assignSlots(before: Slots, wanted: readonly Backend[], keep: 'dense' | 'remembered'): Slots {
  const missing = new Map(wanted.map((backend) => [textOf(backend), backend]));
  const slots = before.map((backend) => (backend !== undefined && missing.delete(textOf(backend)) ? backend : undefined));
  for (const backend of missing.values()) {
    const hole = slots.indexOf(undefined);
    slots[hole < 0 ? slots.length : hole] = backend;
  }
  if (keep === 'dense') closeHoles(slots);
  return slots.slice(0, slots.findLastIndex((backend) => backend !== undefined) + 1);
}

function closeHoles(slots: (Backend | undefined)[]): void {
  for (let hole = slots.indexOf(undefined); hole >= 0; hole = slots.indexOf(undefined)) {
    const last = slots.pop();
    if (hole < slots.length) slots[hole] = last;
  }
}

function textOf({ ip, port }: Backend): string {
  return `${ip}:${port}`;
}
