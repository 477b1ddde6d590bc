import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseAddress, parseCidr } from './ip-address.ts';

test('addresses to bytes and back, in the shortest form', () => {
  for (const address of ['0.0.0.0', '172.17.0.2', '::', '::1', 'fd00::1', '2001:db8:1:2:3:4:5:6', 'fe80::42:aaff:febb:ccdd']) {
    assert.equal(formatAddress(parseAddress(address).bytes), address);
  }
  assert.equal(formatAddress(parseAddress('2001:0db8:0:0::0001').bytes), '2001:db8::1');
  assert.equal(formatAddress(parseAddress('::ffff:10.0.0.1').bytes), '::ffff:a00:1');
});

test('prefix lengths', () => {
  assert.equal(parseCidr('172.17.0.2/16').prefix, 16);
  assert.equal(parseCidr('172.17.0.2').prefix, 32);
  assert.equal(parseCidr('fd00::/64').prefix, 64);
  assert.equal(parseCidr('fd00::1').prefix, 128);
});

test('what is no address is refused by name', () => {
  for (const text of ['', '1.2.3', '1.2.3.400', 'fd00::1::2', 'web', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/33', '10.0.0.0/a']) {
    assert.throws(() => parseCidr(text), { kind: 'invalid' }, text);
  }
});
