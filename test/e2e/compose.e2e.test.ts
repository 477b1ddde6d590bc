/** Both generations of docker compose, unmodified, with one project that uses most of what people use. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Compose, type ComposePeer } from '../support/compose.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

let host: DockerMachine;

before(async () => {
  host = await DockerMachine.create('compose', 130);
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

const inspect = (reference: string, format: string): Promise<string> => host.docker('inspect', '-f', format, reference);
const names = async (): Promise<string> => (await host.docker('ps', '--format', '{{.Names}}')).split('\n').toSorted().join(' ');

for (const peer of ['docker-compose', 'docker-compose@sid'] satisfies ComposePeer[]) {
  const isOld = peer === 'docker-compose';
  const project = isOld ? 'old' : 'new';
  /** `old_web_1`, `new-web-1`. */
  const container = (service: string, number = 1): string => [project, service, number].join(isOld ? '_' : '-');
  const compose = (...args: readonly string[]): Promise<string> => new Compose(host.machine, peer, Compose.project, project).ok(...args);

  test(`${peer}: config, build, up in the order of the conditions`, async () => {
    assert.match(await compose('config'), /hello from a file[^]*FROM_BASE: ['"]?yes|FROM_BASE: ['"]?yes[^]*hello from a file/);
    await compose('build', '--build-arg', `WHAT=${project}`);
    await compose('up', '-d');
    assert.equal(await names(), ['db', 'web', 'worker'].map((service) => container(service)).join(' '));
    assert.equal(await inspect(container('init'), '{{.State.Status}} {{.State.ExitCode}}'), 'exited 0');
    assert.equal(await inspect(container('db'), '{{.State.Health.Status}} {{index .Config.Labels "from.base"}}'), 'healthy 1');
    const [ready, begun] = await Promise.all([
      inspect(container('db'), '{{(index .State.Health.Log 0).Start}}'),
      inspect(container('web'), '{{.State.StartedAt}}'),
    ]);
    assert.ok(ready < begun);
    assert.equal(await eventually(() => host.sh('curl -sf http://127.0.0.1:18080/'), { withinMs: 5000 }), `built ${project}`);
  });

  test(`${peer}: what the file asks for is so`, async () => {
    const seen = await compose(
      'exec',
      '-T',
      'web',
      'sh',
      '-c',
      'cat /src/hello.txt /data/state /proc/sys/net/core/somaxconn /proc/1/comm; ulimit -n; echo $GREETING; grep -c /scratch /proc/mounts; touch /src/x 2>&1',
    ).catch((error: Error) => error.message);
    assert.match(seen, /hello\ninitialised\n100\n(docker-init|tini)\n1000\nhello from a file\n1\n.*Read-only/);
    assert.equal(await inspect(container('worker'), '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}'), '67108864 500000000');
    assert.equal(await inspect(container('web'), '{{.HostConfig.LogConfig.Config}}'), 'map[max-file:2 max-size:1m]');
    const back = isOld ? 'old_back' : 'new_back';
    assert.match(await inspect(container('web'), `{{(index .NetworkSettings.Networks "${back}").Aliases}}`), /\bwww\b/);
    assert.equal(await inspect(back, '{{(index .IPAM.Config 0).Subnet}} {{.Labels.purpose}}'), '172.30.5.0/24 test');
    await eventually(async () => assert.match(await compose('logs', '--tail', '2', 'worker'), /found www/), { withinMs: 5000 });
  });

  test(`${peer}: ps, run, scale, restart, kill`, async () => {
    assert.match(await compose('ps'), /18080->80/);
    assert.match(await compose('--profile', 'tools', 'run', '--rm', '-T', 'tool'), /tool ran/);
    await compose('up', '-d', '--no-deps', '--scale', 'worker=3', 'worker');
    assert.equal((await names()).split(' ').length, 5);
    const begun = await inspect(container('worker'), '{{.State.StartedAt}}');
    await compose('restart', 'worker');
    assert.notEqual(await inspect(container('worker'), '{{.State.StartedAt}}'), begun);
    await compose('kill', 'db');
    assert.equal(await inspect(container('db'), '{{.State.ExitCode}}'), '137');
  });

  // The same requests from both; the old one takes a second for each command.
  test(`${peer}: top, port, images, pause, unpause, stop, start, cp`, { skip: isOld && 'as the newer one, only slower' }, async () => {
    assert.match(await compose('top', 'worker'), /nslookup|sleep|sh -c/);
    assert.match(await compose('port', 'web', '80'), /0\.0\.0\.0:18080/);
    assert.match(await compose('images'), /composed/);
    await compose('pause', 'worker');
    assert.equal(await inspect(container('worker'), '{{.State.Status}}'), 'paused');
    await compose('unpause', 'worker');
    await compose('stop', 'worker');
    await compose('start', 'worker');
    await compose('cp', 'web:/www/index.html', `${host.folder}/page`);
    assert.equal(await host.sh(`cat ${host.folder}/page`), `built ${project}`);
  });

  test(`${peer}: pull is refused by name where no registry is in reach`, async () => {
    const { code, stdout, stderr } = await new Compose(host.machine, peer, Compose.project, project).run('pull', 'db');
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /registry-1\.docker\.io/);
  });

  test(`${peer}: a second up changes only what has changed; down takes all of it away`, async () => {
    const id = await inspect(container('web'), '{{.Id}}');
    await compose('up', '-d');
    assert.equal(await inspect(container('web'), '{{.Id}}'), id);
    await compose('down', '-v', '--timeout', '1');
    assert.equal(await host.docker('ps', '-aq'), '');
    assert.equal(await host.docker('volume', 'ls', '-q'), '');
    assert.equal(await host.docker('network', 'ls', '--format', '{{.Name}}'), 'bridge\nhost\nnone');
  });
}
