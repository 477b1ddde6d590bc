import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveOwner } from './live-owner.ts';
import type { NetworkRecord } from './network-record.ts';
import { isRelayWhole, relayKey, relayPorts, renderRelay } from './relay-ports.ts';

const networks = new Map([['n1', { driver: 'bridge', internal: false } as NetworkRecord]]);
const live = (addresses: object, ...ports: readonly (readonly [hostIp: string, protocol?: string])[]): readonly LiveOwner[] => [
  {
    owner: { id: 'c1', name: 'web', netnsPath: '/n' },
    endpoints: [{ id: 'e1', networkId: 'n1', networkName: 'n1', spec: {}, ...addresses } as unknown as LiveOwner['endpoints'][number]],
    ports: ports.map(
      ([hostIp, protocol = 'tcp']) => ({ containerPort: 80, hostPort: 8080, hostIp, protocol }) as LiveOwner['ports'][number],
    ),
  },
];
const keys = (...args: Parameters<typeof live>): readonly string[] =>
  relayPorts(networks, live(...args)).map((port) => `${relayKey(port)} → ${port.address}`);

test('relayed is what no rule translates: everything of IPv6 to a container with IPv4 only, else ::1', () => {
  const four = { ipv4: '172.17.0.2/16' };
  assert.deepEqual(keys(four, ['0.0.0.0'], ['::']), ['8080 → 172.17.0.2']);
  assert.deepEqual(keys(four, ['::1'], ['fd00:9::1'], ['::', 'udp']), ['::1 . 8080 → 172.17.0.2', 'fd00:9::1 . 8080 → 172.17.0.2']);
  assert.deepEqual(keys({ ...four, ipv6: 'fd00::2/64' }, ['0.0.0.0'], ['::'], ['fd00:9::1']), ['::1 . 8080 → fd00::2']);
});

test('a listed table is whole when both chains lead to the listener and each port is there', () => {
  const text = renderRelay(['8080', '::1 . 8081'], 40_000);
  assert.equal(isRelayWhole(text, ['8080', '::1 . 8081'], 40_000), true);
  assert.equal(isRelayWhole(text, ['8080'], 40_000), false);
  assert.equal(isRelayWhole(text, ['8080', '::1 . 8081'], 40_001), false);
  assert.equal(isRelayWhole(undefined, [], 40_000), false);
});
