import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeObject, nodeStatus, type HostFacts } from './node-object.ts';

const facts: HostFacts = {
  nodeName: 'n1',
  nodeIp: '192.0.2.1',
  hostName: 'host',
  port: 10_250,
  podCidr: '10.244.0.0/24',
  cpus: 2,
  memoryBytes: 4 * 2 ** 30,
  diskBytes: 2 ** 30,
  architecture: 'x64',
  kernelVersion: '6.1',
  osImage: 'Debian',
  machineId: 'm',
  bootId: 'b',
  runtimeVersion: 'davit://0.1.0',
};

test('a Node tells what the host has, in Kubernetes’ words', () => {
  const node = nodeObject(facts, new Date(0));
  assert.equal(node.metadata.labels?.['kubernetes.io/arch'], 'amd64');
  assert.deepEqual([node.status?.capacity?.['cpu'], node.status?.capacity?.['memory']], ['2', '4194304Ki']);
  assert.equal(node.status?.daemonEndpoints?.kubeletEndpoint?.Port, 10_250);
  assert.equal(node.spec?.podCIDR, '10.244.0.0/24');
});

test('heartbeats leave transition times alone', () => {
  const first = nodeStatus(facts, undefined, [], new Date(0));
  const later = nodeStatus(facts, first, [], new Date(60_000));
  const ready = later.conditions?.find((condition) => condition.type === 'Ready');
  assert.deepEqual([ready?.lastTransitionTime, ready?.lastHeartbeatTime], ['1970-01-01T00:00:00Z', '1970-01-01T00:01:00Z']);
});
