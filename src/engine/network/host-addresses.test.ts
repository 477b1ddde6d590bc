import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withHostAddresses, type PublishedWhere } from './host-addresses.ts';

const tcp = { containerPort: 80, protocol: 'tcp', hostPort: 8080 } as const;
const addresses = (where: Partial<PublishedWhere>, binding: Parameters<typeof withHostAddresses>[0][number] = tcp): readonly unknown[] =>
  withHostAddresses([binding], { endpoint: { ipv4: '172.17.0.2/16' }, network: undefined, hostHasIpv6: true, ...where }).map(
    ({ hostIp }) => hostIp,
  );
const option = (name: string, value: string) => ({ network: { options: { [`com.docker.network.bridge.${name}`]: value } } });

test('a port that names no address goes to every address that can lead to the container', () => {
  assert.deepEqual(addresses({}), ['0.0.0.0', '::'], 'IPv4 only: relayed');
  assert.deepEqual(addresses({ hostHasIpv6: false }), ['0.0.0.0']);
  assert.deepEqual(addresses({}, { ...tcp, protocol: 'udp' }), ['0.0.0.0'], 'only TCP is relayed');
  const both = { ipv4: '172.18.0.2/16', ipv6: 'fd00::2/64' };
  assert.deepEqual(addresses({ endpoint: both }, { ...tcp, protocol: 'udp' }), ['0.0.0.0', '::']);
  assert.deepEqual(addresses({ endpoint: { ipv4: undefined, ipv6: 'fd00::2/64' } }), ['::']);
});

test('what the network’s options or the port itself say holds', () => {
  assert.deepEqual(addresses(option('host_binding_ipv4', '192.0.2.1')), ['192.0.2.1'], 'a host address of one family is no other family’s');
  assert.deepEqual(addresses(option('host_binding_ipv4', '0.0.0.0')), ['0.0.0.0', '::'], 'as the default bridge has it');
  assert.deepEqual(addresses({}, { ...tcp, hostIp: '::1' }), ['::1']);
  assert.throws(() => addresses({}, { ...tcp, protocol: 'udp', hostIp: '::1' }), /publishing udp at \[::1\] is not implemented by davit/);
});
