import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events } from '../../api/kubernetes/kinds.ts';
import { FakeClient } from './client.fake.ts';
import { eventRecorder } from './event-recorder.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'web', uid: 'u1' } };

test('events say what happened to whom; the same again is counted', async () => {
  const client = new FakeClient();
  {
    await using recorder = eventRecorder({ client, component: 'kubelet', host: 'node-a' });
    recorder.record(pod, 'Normal', 'Started', 'Started container c', 'spec.containers{c}');
    recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting failed container');
    recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting failed container');
  }
  const { items } = await client.list(events);
  assert.deepEqual(
    items.map(({ reason, count, involvedObject, source }) => [reason, count, involvedObject.name, involvedObject.fieldPath, source?.host]),
    [
      ['Started', 1, 'web', 'spec.containers{c}', 'node-a'],
      ['BackOff', 2, 'web', undefined, 'node-a'],
    ],
  );
  assert.match(items[0]?.metadata.name ?? '', /^web\.[0-9a-f]{16}$/);
});

test('an event that cannot be written disturbs nobody', async () => {
  const client = new FakeClient();
  client.create = () => Promise.reject(new Error('namespace is being terminated'));
  await using recorder = eventRecorder({ client, component: 'kubelet' });
  recorder.record(pod, 'Normal', 'Started', 'Started container c');
});
