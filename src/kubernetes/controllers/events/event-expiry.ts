import { events } from '../../../api/kubernetes/kinds.ts';
import type { Event } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import { getIfExists } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

/** Events are news, not records: gone an hour after they last happened (kube-apiserver's --event-ttl). */
export const eventLifeMs = 60 * 60 * 1000;

export const eventExpiryController: Reconciler = {
  name: 'event-expiry',
  triggers: [{ kind: events, keysOf: ownKey }],
  async reconcile({ client, now }, key) {
    const event = await getIfExists(client, events, key);
    if (!event) return undefined;
    const left = lastSeen(event) + eventLifeMs - now();
    if (left > 0) return { requeueAfterMs: left };
    const { uid, resourceVersion } = event.metadata;
    await client.delete(events, key, { uid, resourceVersion }).catch((error: unknown) => {
      if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
    });
    return undefined;
  },
};

/** Milliseconds since the epoch. */
function lastSeen(event: Event): number {
  const { lastTimestamp, eventTime, series, metadata } = event;
  const times = [lastTimestamp, eventTime, series?.lastObservedTime, metadata.creationTimestamp];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time)));
}
