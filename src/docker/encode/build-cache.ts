import type { CacheUsage } from '../../engine/build/cache-usage.ts';

/** BuildCache of `GET /system/df`. */
export function buildCache(item: CacheUsage): object {
  const { id, parents, type, description, inUse, shared, bytes, createdAt, lastUsedAt, usageCount } = item;
  return {
    ID: id,
    Parent: parents[0] ?? '',
    Parents: parents,
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
