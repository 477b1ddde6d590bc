import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events } from '../../../api/kubernetes/kinds.ts';
import type { Event } from '../../../api/kubernetes/types.generated.ts';
import { FakeClient } from '../../client/client.fake.ts';
import { eventExpiryController, eventLifeMs } from './event-expiry.ts';

const key = { namespace: 'default', name: 'web.1' };
const event: Event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: key,
  involvedObject: { kind: 'Pod', name: 'web' },
  lastTimestamp: '2026-01-01T00:00:00Z',
};
const happened = Date.parse('2026-01-01T00:00:00Z');

async function reconcile(client: FakeClient, now: number): Promise<{ requeueAfterMs: number } | undefined> {
  return eventExpiryController.reconcile({ client, record: () => undefined, now: () => now }, key);
}

test('an event lives an hour after it was last seen', async () => {
  const client = new FakeClient();
  // The fake stamps creation with the real time, which would keep the event alive: expiry counts from the newest of its times.
  const made = await client.create(events, event);
  const created = Math.max(happened, Date.parse(made.metadata.creationTimestamp ?? ''));
  assert.deepEqual(await reconcile(client, created + eventLifeMs - 1), { requeueAfterMs: 1 });
  assert.equal((await client.list(events)).items.length, 1);
  assert.equal(await reconcile(client, created + eventLifeMs), undefined);
  assert.equal((await client.list(events)).items.length, 0);
});

test('an event that is gone already is nothing to do', async () => {
  assert.equal(await reconcile(new FakeClient(), happened), undefined);
});
