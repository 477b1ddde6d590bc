import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { claimPorts } from './ports.ts';

test('a port that another container holds is refused with its name', async () => {
  const held = [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, holder: 'container web' }];
  await assert.rejects(
    claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8080 }], held),
    /on endpoint db: Bind for 127\.0\.0\.1:8080 failed: port is already allocated \(by container web\)/,
  );
});

test('a port that a program of the host holds is refused; none asked for: a free one', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    await assert.rejects(
      claimPorts('db', [{ containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: port }], []),
      new RegExp(`port is already allocated .by node .pid ${process.pid}`),
    );
    const [tcp, udp] = await claimPorts(
      'db',
      [
        { containerPort: 80, protocol: 'tcp' },
        { containerPort: 53, protocol: 'udp' },
      ],
      [],
    );
    assert.ok(tcp && tcp.hostPort > 0 && tcp.hostIp === '0.0.0.0');
    assert.ok(udp && udp.hostPort > 0);
  } finally {
    server.close();
  }
});
