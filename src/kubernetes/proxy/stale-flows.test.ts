import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frontend } from './service-port.ts';
import { isStale, staleFlows } from './stale-flows.ts';

const dns: Frontend = {
  view: 'all',
  way: 'cluster',
  address: '10.96.0.9',
  protocol: 'udp',
  port: 53,
  backends: [{ ip: '10.244.0.5', port: 5353 }],
  masquerade: 'strangers',
  otherwise: 'reject',
  affinitySeconds: undefined,
  sources: undefined,
};
const flow = { destination: '10.96.0.9', destinationPort: 53, replySource: '10.244.0.5', replySourcePort: 5353 };
const none = { ...dns, backends: [] };

test('flows to a backend that went are stale, others are not', () => {
  const stale = staleFlows([dns], [none]);
  assert.ok(isStale(flow, stale));
  assert.ok(isStale(flow, staleFlows([dns], [])));
  assert.ok(!isStale({ ...flow, replySource: '10.244.0.6' }, stale));
  assert.ok(!isStale({ ...flow, destinationPort: 54 }, stale));
  assert.deepEqual(staleFlows([dns], [dns]), []);
});

test('flows from before there was anybody are stale once there is', () => {
  const stale = staleFlows([none], [dns]);
  assert.ok(isStale({ ...flow, replySource: '10.96.0.9', replySourcePort: 53 }, stale));
  assert.ok(!isStale(flow, stale));
});

test('a node port is met at any address; TCP is left alone', () => {
  const node = { ...dns, way: 'node' as const, address: undefined, port: 31053 };
  assert.ok(isStale({ ...flow, destination: '192.0.2.1', destinationPort: 31053 }, staleFlows([node], [])));
  assert.deepEqual(staleFlows([{ ...dns, protocol: 'tcp' }], []), []);
});
