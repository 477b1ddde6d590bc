import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainConnect, type ConnectWorld } from './connect.ts';
import type { ContainerFacts } from './docker-facts.ts';

function container(id: string, name: string, network: string, status = 'running'): ContainerFacts {
  const endpoints = [{ network, networkId: `of-${network}`, ipv4: '192.0.2.9', ipv6: '', names: [name] }];
  return { id, name, status, pid: 0, networkMode: network, endpoints, ports: [], exposed: [] };
}

const world: ConnectWorld = {
  kernel: {
    links: { list: () => [], routes: () => [] },
    firewall: { saveCounted: async () => '', nftTable: async () => undefined },
    namespaces: { inNetwork: (_path, act) => act() },
  },
  // Their IDs begin with how others are called.
  containers: [
    container('db01', 'near', 'front'),
    container('face02', 'far', 'back', 'exited'),
    container('aa03', 'db', 'back'),
    container('bb04', 'face', 'front'),
  ],
  networks: [],
};

test('a name comes before the beginning of an ID, at both ends of a connection', async () => {
  const { fault, steps } = await explainConnect({ from: 'face', to: 'db', port: 80 }, world);
  assert.equal(steps[0]?.text, 'container face is running');
  assert.deepEqual([fault, /db is on back, face on front/.test(steps.at(-1)?.text ?? '')], ['other-network', true]);
});
