import type { CacheUsage } from '../../engine/build/cache-usage.ts';

/** BuildCache of `GET /system/df`; until API 1.42 with one parent. */
export function buildCache(item: CacheUsage, minor: number): object {
  const { id, parents, type, description, inUse, shared, bytes, createdAt, lastUsedAt, usageCount } = item;
  return {
    ID: id,
    ...(minor < 42 ? { Parent: parents[0] ?? '' } : { Parents: parents }),
    Type: type,
    Description: description,
    InUse: inUse,
    Shared: shared,
    Size: bytes,
    CreatedAt: createdAt.toISOString(),
    LastUsedAt: lastUsedAt?.toISOString() ?? null,
    UsageCount: usageCount,
  };
}
