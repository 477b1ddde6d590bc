import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { claimPorts } from './ports.ts';

test('a port that another container holds is refused with its name', () => {
  const held = [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, holder: 'container web' }];
  assert.throws(
    () => claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8080 }], held),
    /on endpoint db: Bind for 127\.0\.0\.1:8080 failed: port is already allocated \(by container web\)/,
  );
  assert.equal(claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostIp: '::', hostPort: 8080 }], held)[0]?.hostPort, 8080);
  assert.equal(claimPorts('db', [{ containerPort: 80, protocol: 'sctp', hostPort: 8080 }], held)[0]?.hostPort, 8080);
});

test('a port that a program of the host holds is refused; none asked for: a free one; of a range the first that is free', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    assert.throws(
      () => claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: port }], []),
      new RegExp(`port is already allocated .by node .pid ${process.pid}`),
    );
    assert.throws(
      () => claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostIp: '192.0.2.77', hostPort: 80 }], []),
      /this host has no address 192\.0\.2\.77/,
    );
    const [tcp, udp] = claimPorts(
      'db',
      [
        { containerPort: 80, protocol: 'tcp' },
        { containerPort: 53, protocol: 'udp' },
      ],
      [],
    );
    assert.ok(tcp && tcp.hostPort > 0 && tcp.hostIp === '0.0.0.0');
    assert.ok(udp && udp.hostPort > 0);
    const range = { from: port, to: port + 3 };
    const [first] = claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostPortRange: range }], []);
    assert.ok(first && first.hostPort > port && first.hostPort <= port + 3);
    const held = [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: port + 1, holder: 'x' }];
    const full = { containerPort: 80, protocol: 'tcp', hostPortRange: { from: port, to: port + 1 } } as const;
    assert.throws(() => claimPorts('db', [full], held), /all ports of the range are allocated/);
  } finally {
    server.close();
  }
});

test('a free port is the same for both families', () => {
  const wish = { containerPort: 80, protocol: 'tcp' } as const;
  const [four, six] = claimPorts(
    'db',
    [
      { ...wish, hostIp: '0.0.0.0' },
      { ...wish, hostIp: '::' },
    ],
    [],
  );
  assert.equal(four?.hostPort, six?.hostPort);
});

test('thousands of ports take some microseconds each', () => {
  const wishes = Array.from({ length: 2000 }, (_, index) => ({
    containerPort: 10_000 + index,
    protocol: 'udp' as const,
    hostPort: 20_000 + index,
  }));
  const began = performance.now();
  assert.equal(claimPorts('db', wishes, []).length, 2000);
  assert.ok(performance.now() - began < 1000);
});
