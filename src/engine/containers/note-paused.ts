import { cgroupOf, type LaunchParts } from './launch.ts';
import type { ContainerRecord } from './record.ts';

/** The kernel knows better who is frozen: davit may have been killed between doing it and writing it down. */
export async function notePaused(
  { kernel, config, registry }: Pick<LaunchParts, 'kernel' | 'config' | 'registry'>,
  record: ContainerRecord,
): Promise<void> {
  const isFrozen = kernel.cgroups.isFrozen(cgroupOf(config, record));
  if (isFrozen === (record.pausedAt !== undefined)) return;
  await registry.note(record.id, { pausedAt: isFrozen ? new Date() : undefined });
}
