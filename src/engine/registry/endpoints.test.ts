import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultRegistrySettings, endpointsOf, isInsecure } from './endpoints.ts';

const settings = {
  ...defaultRegistrySettings,
  mirrors: ['http://mirror.lan:5000/'],
  insecure: ['registry.lan:5000', 'plain.lan', '10.1.0.0/16'],
};

test('insecure: this machine, named hosts, address ranges', () => {
  const insecure = [
    '127.0.0.1:5000',
    '127.9.9.9',
    'localhost',
    'localhost:1',
    '[::1]:5000',
    'registry.lan:5000',
    'plain.lan:99',
    '10.1.2.3:5000',
  ];
  for (const domain of insecure) assert.equal(isInsecure(domain, settings), true, domain);
  for (const domain of ['registry.lan:5001', 'ghcr.io', '10.2.0.1', '128.0.0.1', 'localhost.lan'])
    assert.equal(isInsecure(domain, settings), false, domain);
});

test('mirrors serve Docker Hub, and pulls alone', () => {
  assert.deepEqual(
    endpointsOf('docker.io', settings, 'pull').map(({ base }) => base),
    ['http://mirror.lan:5000', 'https://registry-1.docker.io'],
  );
  assert.equal(endpointsOf('docker.io', settings, 'push').length, 1);
  assert.deepEqual(endpointsOf('ghcr.io', settings, 'pull'), [{ base: 'https://ghcr.io', verifies: true }]);
  assert.deepEqual(endpointsOf('plain.lan', settings, 'push'), [
    { base: 'https://plain.lan', verifies: false },
    { base: 'http://plain.lan', verifies: false },
  ]);
});
