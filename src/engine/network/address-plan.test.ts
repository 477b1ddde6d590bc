import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPool, choosePool, claimAddress, firstAddress, nextAddress } from './address-plan.ts';

test('pools: the first that overlaps with nothing', () => {
  assert.equal(choosePool([]), '172.18.0.0/16');
  assert.equal(
    choosePool([
      { subnet: '172.18.5.0/24', name: 'x' },
      { subnet: '172.19.0.0/16', name: 'y' },
      { subnet: '0.0.0.0/0', name: 'default' },
    ]),
    '172.20.0.0/16',
  );
  assert.equal(choosePool([{ subnet: '172.16.0.0/12', name: 'vpn' }]), '192.168.0.0/20');
  assert.throws(
    () =>
      choosePool([
        { subnet: '172.16.0.0/12', name: 'a' },
        { subnet: '192.168.0.0/16', name: 'b' },
      ]),
    /could not find an available/,
  );
});

test('a wanted pool is refused by name of its holder', () => {
  assert.equal(checkPool('10.5.0.9/16', []), '10.5.0.0/16');
  assert.throws(
    () => checkPool('10.5.0.0/16', [{ subnet: '10.5.3.0/24', name: 'network web' }]),
    /10\.5\.0\.0\/16 overlaps with 10\.5\.3\.0\/24 of network web/,
  );
  assert.throws(() => checkPool('nonsense', []), /invalid subnet nonsense/);
});

test('addresses: lowest free, gateway and edges left out, recent ones last', () => {
  const space = { subnet: '10.0.0.0/29', gateway: '10.0.0.1' };
  assert.equal(firstAddress(space.subnet), '10.0.0.1');
  assert.equal(nextAddress(space, new Set()), '10.0.0.2');
  assert.equal(nextAddress(space, new Set(['10.0.0.2']), new Set(['10.0.0.3'])), '10.0.0.4');
  assert.equal(nextAddress(space, new Set(['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']), new Set(['10.0.0.3'])), '10.0.0.3');
  assert.throws(
    () => nextAddress(space, new Set(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'])),
    /no available IPv4 addresses/,
  );
  assert.equal(nextAddress({ ...space, ipRange: '10.0.0.4/31' }, new Set()), '10.0.0.4');
});

test('static addresses', () => {
  const space = { subnet: '10.0.0.0/24', gateway: '10.0.0.1' };
  assert.equal(claimAddress(space, '10.0.0.9', new Set()), '10.0.0.9');
  assert.throws(() => claimAddress(space, '10.0.1.9', new Set()), /no configured subnet contains IP address/);
  assert.throws(() => claimAddress(space, '10.0.0.1', new Set()), /Address already in use/);
});
