import { isKind } from '../../base/errors.ts';
import type { Entry } from '../store.ts';
import type { EtcdClient } from './etcd-client.ts';
import { etcdRange, fromEtcd, type KeyPlace } from './key-place.ts';

/** etcd walks over the whole rest of the range for each page: better few. */
const pageSize = 10_000;

/** Every entry of the store at one revision, read in pages. Starts again when etcd forgets that revision meanwhile. */
export async function loadAll(
  client: EtcdClient,
  place: KeyPlace,
): Promise<{ readonly entries: readonly Entry[]; readonly revision: number }> {
  for (;;) {
    try {
      return await loadOnce(client, place);
    } catch (error) {
      if (!isKind(error, 'expired')) throw error;
    }
  }
}

async function loadOnce(client: EtcdClient, place: KeyPlace): Promise<{ readonly entries: readonly Entry[]; readonly revision: number }> {
  const { key, end } = etcdRange(place);
  const entries: Entry[] = [];
  let page = await client.range({ key, end, limit: pageSize });
  const { revision } = page;
  for (;;) {
    for (const entry of page.entries) entries.push({ ...entry, key: fromEtcd(place, entry.key) ?? entry.key });
    const last = page.entries.at(-1);
    if (!page.more || !last) return { entries, revision };
    page = await client.range({ key: `${last.key}\0`, end, limit: pageSize, revision });
  }
}
