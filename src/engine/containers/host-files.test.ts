import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResolvConf, renderHosts, renderResolvConf, resolvConfFor } from './host-files.ts';

test('hosts: standard names, extra hosts, own addresses last', () => {
  const text = renderHosts({
    hostname: 'web',
    domainname: 'corp',
    addresses: ['172.17.0.2'],
    extra: ['db:10.0.0.5', 'gw:host-gateway'],
    hostGateway: '172.17.0.1',
  });
  assert.ok(text.startsWith('127.0.0.1\tlocalhost\n'));
  assert.ok(text.endsWith('10.0.0.5\tdb\n172.17.0.1\tgw\n172.17.0.2\tweb.corp web\n'));
});

test('resolv.conf is read and written', () => {
  const settings = parseResolvConf('# c\ndomain old\nsearch a b\nnameserver 127.0.0.53\nnameserver 10.0.0.2\noptions edns0 trust-ad\n');
  assert.deepEqual(settings, { servers: ['127.0.0.53', '10.0.0.2'], search: ['a', 'b'], options: ['edns0', 'trust-ad'] });
  assert.equal(renderResolvConf(settings), 'nameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a b\noptions edns0 trust-ad\n');
});

test('who asks which server', () => {
  const host = { servers: ['127.0.0.53', '10.0.0.2'], search: ['corp'], options: [] };
  const bridge = { embedded: false, hostNetwork: false };
  assert.deepEqual(resolvConfFor({}, host, bridge), { servers: ['10.0.0.2'], search: ['corp'], options: [] });
  assert.deepEqual(resolvConfFor({}, { ...host, servers: ['127.0.0.1'] }, bridge).servers, ['8.8.8.8', '8.8.4.4']);
  assert.deepEqual(resolvConfFor({ servers: ['1.1.1.1'] }, host, bridge).servers, ['1.1.1.1']);
  assert.deepEqual(resolvConfFor({}, host, { ...bridge, embedded: true }), {
    servers: ['127.0.0.11'],
    search: ['corp'],
    options: ['ndots:0'],
  });
  assert.deepEqual(resolvConfFor({}, host, { embedded: false, hostNetwork: true }).servers, ['127.0.0.53', '10.0.0.2']);
});
