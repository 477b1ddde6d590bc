import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linuxNamespaces as namespaces } from './namespaces.linux.ts';
import { namespacesSuite, type NamespacesWorld } from './namespaces.suite.ts';
import { linuxProcesses } from './processes.linux.ts';

function scratch(): NamespacesWorld {
  const folder = mkdtempSync(join(tmpdir(), 'davit-ns-'));
  return {
    namespaces,
    folder,
    [Symbol.dispose]() {
      for (const name of readdirSync(folder)) namespaces.remove(join(folder, name));
      rmSync(folder, { recursive: true });
    },
  };
}

namespacesSuite('linux namespaces', scratch);

const kinds = ['net', 'uts', 'ipc'] as const;
const own = (): readonly string[] => kinds.map((kind) => readlinkSync(`/proc/thread-self/ns/${kind}`));

test('this thread is at home again after a creation, a visit and a failure', () => {
  using world = scratch();
  const home = own();
  const net = join(world.folder, 'net');
  namespaces.create({ net, uts: join(world.folder, 'uts') }, { hostname: 'elsewhere' });
  assert.deepEqual(own(), home);
  const inside = namespaces.inNetwork(net, () => own());
  assert.notEqual(inside[0], home[0]);
  assert.deepEqual(own(), home);
  assert.throws(
    () => namespaces.create({ net: join(world.folder, 'other') }, { sysctls: { 'net.no.such': '1' } }),
    /set sysctl net\.no\.such=1/,
  );
  assert.deepEqual(own(), home);
  assert.ok(!namespaces.exists(join(world.folder, 'other')));
});

test('hostname and sysctls are the namespace’s alone; its loopback is up', async () => {
  using world = scratch();
  const [net, uts] = [join(world.folder, 'net'), join(world.folder, 'uts')];
  const before = [hostname(), readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')];
  namespaces.create({ net, uts }, { hostname: 'web-1', sysctls: { 'net.ipv4.ip_unprivileged_port_start': '17' } });
  const inside = namespaces.inNetwork(net, () => ({
    port: readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').trim(),
    loopback: networkInterfaces()['lo']?.[0]?.address,
  }));
  assert.deepEqual(inside, { port: '17', loopback: '127.0.0.1' });
  assert.deepEqual([hostname(), readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')], before);
  const lifetime = new AbortController();
  const { stdout } = await linuxProcesses(lifetime.signal).run(['nsenter', `--uts=${uts}`, 'hostname']);
  assert.equal(stdout.trim(), 'web-1');
});
