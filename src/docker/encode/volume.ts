import type { Volume } from '../../engine/volumes/volumes.ts';

export function volumeInspect(volume: Volume, usage?: { readonly bytes: number; readonly references: number }) {
  const isEmpty = Object.keys(volume.options).length === 0;
  return {
    CreatedAt: volume.createdAt.toISOString(),
    Driver: volume.driver,
    Labels: volume.labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: isEmpty ? null : volume.options,
    Scope: 'local',
    ...(usage ? { UsageData: { Size: usage.bytes, RefCount: usage.references } } : {}),
  };
}
