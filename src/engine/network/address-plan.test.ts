import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPool, choosePool, claimAddress, defaultRanges, firstAddress, isLinkLocal, nextAddress, withPrefix } from './address-plan.ts';

const choose = (holders: Parameters<typeof choosePool>[2]): string => choosePool(4, defaultRanges, holders);

test('pools: the first that overlaps with nothing', () => {
  assert.equal(choose([]), '172.18.0.0/16');
  assert.equal(
    choose([
      { subnet: '172.18.5.0/24', name: 'x' },
      { subnet: '172.19.0.0/16', name: 'y' },
      { subnet: '0.0.0.0/0', name: 'default' },
    ]),
    '172.20.0.0/16',
  );
  assert.equal(choose([{ subnet: '172.16.0.0/12', name: 'vpn' }]), '192.168.0.0/20');
  assert.throws(
    () =>
      choose([
        { subnet: '172.16.0.0/12', name: 'a route of this host by vpn0' },
        { subnet: '192.168.0.0/16', name: 'network b' },
      ]),
    /could not find an available.*taken are 172\.16\.0\.0\/12 by a route of this host by vpn0, 192\.168\.0\.0\/16 by network b; remove networks/,
  );
});

test('a large range carved into small subnets steps over whoever is in the way', () => {
  const ranges = [
    { base: '10.0.0.0/8', size: 24 },
    { base: 'fd00:5::/48', size: 64 },
  ];
  assert.equal(choosePool(4, ranges, []), '10.0.0.0/24');
  assert.equal(choosePool(4, ranges, [{ subnet: '10.0.0.0/9', name: 'vpn' }]), '10.128.0.0/24');
  assert.equal(
    choosePool(4, ranges, [
      { subnet: '10.0.0.0/30', name: 'x' },
      { subnet: '10.0.1.64/26', name: 'y' },
    ]),
    '10.0.2.0/24',
  );
  assert.equal(choosePool(6, ranges, [{ subnet: 'fd00:5::/64', name: 'x' }]), 'fd00:5:0:1::/64');
  const many = Array.from({ length: 5000 }, (_, index) => ({ subnet: `10.${index >> 8}.${index & 255}.0/24`, name: `n${index}` }));
  assert.equal(choosePool(4, ranges, many), '10.19.136.0/24');
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
  const pool = { subnet: '10.0.0.0/29', gateway: '10.0.0.1' };
  assert.equal(firstAddress(pool.subnet), '10.0.0.1');
  assert.equal(nextAddress([pool], new Set()), '10.0.0.2');
  assert.equal(nextAddress([pool], new Set(['10.0.0.2']), new Set(['10.0.0.3'])), '10.0.0.4');
  assert.equal(nextAddress([pool], new Set(['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']), new Set(['10.0.0.3'])), '10.0.0.3');
  const full = new Set(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.throws(() => nextAddress([pool], full), /no available IPv4 addresses.*10\.0\.0\.0\/29/);
  assert.equal(nextAddress([pool, { subnet: '10.0.1.0/29', gateway: '10.0.1.1' }], full), '10.0.1.2', 'then of the next subnet');
  assert.equal(nextAddress([{ ...pool, ipRange: '10.0.0.4/31' }], new Set()), '10.0.0.4');
  assert.equal(nextAddress([{ ...pool, auxiliary: { router: '10.0.0.2' } }], new Set()), '10.0.0.3');
  assert.equal(nextAddress([{ subnet: 'fd00:1::/64', gateway: 'fd00:1::1' }], new Set()), 'fd00:1::2');
});

test('static addresses', () => {
  const pools = [
    { subnet: '10.0.0.0/24', gateway: '10.0.0.1' },
    { subnet: 'fd00:1::/64', gateway: 'fd00:1::1' },
  ];
  assert.equal(claimAddress(pools, '10.0.0.9', new Set()), '10.0.0.9');
  assert.equal(claimAddress(pools, 'FD00:1:0::0009', new Set()), 'fd00:1::9');
  assert.throws(() => claimAddress(pools, '10.0.1.9', new Set()), /no configured subnet contains IP address/);
  assert.throws(() => claimAddress(pools, '10.0.0.1', new Set()), /Address already in use/);
  assert.equal(withPrefix(pools, '10.0.0.9'), '10.0.0.9/24');
  assert.equal(withPrefix(pools, 'fd00:1::9'), 'fd00:1::9/64');
  assert.deepEqual(['fe80::1', 'febf::1', 'fec0::1', '169.254.1.1'].map(isLinkLocal), [true, true, false, false]);
});
