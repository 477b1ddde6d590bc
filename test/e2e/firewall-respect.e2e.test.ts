/** `--firewall=respect`: what the host's INPUT rules say (as ufw writes them) holds for published ports too, and `davit ports` tells it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

const davit = fileURLToPath(new URL('../../bin/davit', import.meta.url));
let host: DockerMachine;

before(async () => {
  host = await DockerMachine.create('respect', 148, () => ['--firewall', 'respect']);
  await host.docker('run', '-d', '--name', 'web', '-p', '8080:80', '-p', '9090:80', 'busybox:test', 'sh', '-c', httpd);
});
after(() => host[Symbol.asyncDispose]());

const httpd = 'mkdir -p /w && echo web > /w/index.html && exec httpd -f -p 80 -h /w';

/** From another host: this process is beyond the machine's uplink. */
async function reaches(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://${host.machine.address}:${port}`, { signal: AbortSignal.timeout(1500) });
    return (await answer.text()).trim() === 'web';
  } catch {
    return false;
  }
}
const soon = (port: number, isOpen: boolean): Promise<void> =>
  eventually(async () => assert.equal(await reaches(port), isOpen, `port ${port}`), { withinMs: 15_000 });

type Reach = { readonly reachable: boolean; readonly because: string };
async function told(port: number): Promise<Readonly<Record<'loopback' | 'lan' | 'world', Reach>>> {
  const { ports } = JSON.parse(await host.machine.ok([davit, 'ports', '--output', 'json'])) as {
    readonly ports: readonly ({ readonly hostPort: number } & Record<'loopback' | 'lan' | 'world', Reach>)[];
  };
  const found = ports.find(({ hostPort }) => hostPort === port);
  assert.ok(found);
  return found;
}

test('without INPUT rules published ports are open', async () => {
  await soon(8080, true);
  assert.equal((await told(8080)).world.reachable, true);
});

test('a closed host closes them, an opened port opens one, whatever the port inside', async () => {
  await host.sh(`iptables-restore --noflush <<END
*filter
:INPUT DROP [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
-A INPUT -j ufw-before-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
END`);
  await soon(8080, false);
  const closed = await told(8080);
  assert.deepEqual([closed.loopback.reachable, closed.lan.reachable, closed.world.reachable], [true, false, false]);
  assert.equal(closed.world.because, '-A DAVIT-INPUT -j DROP');
  assert.equal(await host.sh('curl -sm 5 http://127.0.0.1:8080'), 'web', 'the host itself is not asked');

  await host.sh('iptables -A ufw-user-input -p tcp --dport 8080 -j ACCEPT');
  await soon(8080, true);
  assert.equal(await reaches(9090), false, 'the same port inside, another outside');
  const open = await told(8080);
  assert.equal(open.world.reachable, true);
  assert.match(open.world.because, /--ctorigdstport 8080 -j ACCEPT/);
});

test('a port that comes later meets the same rules; so do those of a host that is flushed and closed again', async () => {
  await host.docker('run', '-d', '--name', 'late', '-p', '7070:80', 'busybox:test', 'sh', '-c', httpd);
  assert.equal(await reaches(7070), false);
  await host.sh('iptables -P INPUT ACCEPT && iptables -F INPUT');
  await soon(7070, true);
  await host.sh(`iptables -A INPUT -s ${host.machine.address.replace(/\d+$/, '1')} -p tcp --dport 7070 -j REJECT`);
  await soon(7070, false);
  assert.equal(await reaches(9090), true);
});

test('when davit goes, its copy goes', async () => {
  await host.docker('rm', '-f', 'web', 'late');
  await host.stopEngine('SIGTERM');
  await host.machine.ok([davit, 'down', '--cgroup-parent', '/davit-respect']);
  assert.doesNotMatch(await host.sh('iptables-save'), /DAVIT/);
});
