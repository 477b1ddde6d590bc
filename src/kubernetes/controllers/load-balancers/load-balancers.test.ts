import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../../api/kubernetes/types.generated.ts';
import { planAddress } from './load-balancers.ts';
import { isInPool, parsePool, pickAddress } from './pool.ts';

const pool = parsePool('192.0.2.0/30, 198.51.100.7-198.51.100.8');

function service(name: string, ip?: string, spec: Service['spec'] = {}): Service {
  const status = { loadBalancer: ip === undefined ? {} : { ingress: [{ ip, ipMode: 'VIP' }] } };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, uid: name }, spec: { type: 'LoadBalancer', ...spec }, status };
}

const planned = (one: Service, others: readonly Service[] = []): string | undefined => planAddress(pool, one, others)?.[0]?.ip;

test('a pool is networks without their ends, ranges and single addresses', () => {
  const taken = new Set<string>();
  for (;;) {
    const address = pickAddress(pool, taken, undefined);
    if (address === undefined) break;
    taken.add(address);
  }
  assert.deepEqual([...taken], ['192.0.2.1', '192.0.2.2', '198.51.100.7', '198.51.100.8']);
  assert.ok(!isInPool(pool, '192.0.2.3'));
  assert.ok(isInPool(parsePool('192.0.2.3'), '192.0.2.3'));
  for (const wrong of ['here', '10.0.0.0/33', '10.0.0.1-x', '::1/64']) assert.throws(() => parsePool(wrong), { kind: 'invalid' });
});

test('the first free address, kept for good; a named one when it is free and in the pool', () => {
  assert.equal(planned(service('a')), '192.0.2.1');
  assert.equal(planned(service('a'), [service('b', '192.0.2.1')]), '192.0.2.2');
  assert.equal(planned(service('a', '198.51.100.7')), '198.51.100.7');
  assert.equal(planned(service('a', undefined, { loadBalancerIP: '198.51.100.8' })), '198.51.100.8');
  assert.equal(planned(service('a', undefined, { loadBalancerIP: '192.0.2.1' }), [service('b', '192.0.2.1')]), undefined);
  assert.equal(planned(service('a', undefined, { loadBalancerIP: '203.0.113.1' })), undefined);
});

test('an address that left the pool is exchanged, and so is one that two have', () => {
  assert.equal(planned(service('a', '203.0.113.1')), '192.0.2.1');
  assert.equal(planned(service('a', '192.0.2.1'), [service('b', '192.0.2.1')]), '192.0.2.2');
});
