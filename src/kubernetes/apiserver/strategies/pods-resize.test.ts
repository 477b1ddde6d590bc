import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podStrategy } from './pods.ts';
import type { Body } from './strategy.ts';

const pod = (resources: object): Body => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'app', image: 'busybox:1', resources }] },
});
const burstable = (cpu: string): Body => pod({ requests: { cpu }, limits: { cpu: '2' } });
const messages = (now: Body, old: Body, subresource?: string): readonly string[] | undefined =>
  podStrategy.validateUpdate?.(now, old, subresource as 'resize').map(({ field, message }) => `${field}: ${message}`);

test('resources change by resize alone, and the class of service stays', () => {
  assert.deepEqual(messages(burstable('200m'), burstable('100m'), 'resize'), []);
  assert.match(messages(burstable('200m'), burstable('100m'))?.[0] ?? '', /^spec: Forbidden: pod updates may not change fields other than/);
  assert.deepEqual(
    messages(pod({ requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } }), burstable('100m'), 'resize'),
    ['spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing'],
  );
});
