/** Containers outlive the engine: killed without warning, it knows everything when it is back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

let host: DockerMachine;
const image = 'busybox:test';

before(async () => {
  host = await DockerMachine.create('dlive', 106);
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

test('kill -9 of the engine: what runs goes on, what ended meanwhile is known', async () => {
  const script = 'mkdir /www; echo alive > /www/index.html; httpd -p 80 -h /www; while :; do echo tick; sleep 0.1; done';
  const web = await host.docker('run', '-d', '--name', 'web', '-p', '8080:80', image, 'sh', '-c', script);
  await host.docker('run', '-d', '--name', 'brief', image, 'sh', '-c', 'sleep 1; echo said while alone; exit 42');
  await host.docker('run', '-d', '--name', 'again', '--restart', 'always', image, 'sleep', '1');
  const curl = (): Promise<string> => host.sh('curl -sf --max-time 3 http://127.0.0.1:8080/');
  assert.equal(await eventually(curl, { withinMs: 5000 }), 'alive');
  const pid = await host.docker('inspect', '-f', '{{.State.Pid}}', 'web');

  await host.stopEngine('SIGKILL');
  assert.equal(await curl(), 'alive');
  await eventually(async () => assert.notEqual((await host.machine.run(['pgrep', '-f', 'said while alone'])).code, 0), { withinMs: 5000 });

  await host.startEngine();
  assert.equal(await curl(), 'alive');
  assert.equal(await host.docker('ps', '-q', '--no-trunc', '--filter', 'name=web'), web);
  assert.equal(await host.docker('inspect', '-f', '{{.State.Pid}} {{.State.Running}}', 'web'), `${pid} true`);
  assert.equal(await host.docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'brief'), 'exited 42');
  assert.equal(await host.docker('logs', 'brief'), 'said while alone');
  assert.match(await host.docker('logs', '--tail', '1', 'web'), /^tick$/);
  assert.equal(await host.docker('exec', 'web', 'cat', '/www/index.html'), 'alive');
  await eventually(async () => assert.equal(await host.docker('inspect', '-f', '{{.State.Running}}', 'again'), 'true'), { withinMs: 5000 });
});

test('the restarted engine sees the end of what it did not start', async () => {
  await host.docker('kill', 'web');
  assert.equal(await host.docker('wait', 'web'), '137');
  await host.docker('rm', 'web', 'brief');
  await host.docker('rm', '-f', 'again');
  assert.equal(await host.docker('ps', '-aq'), '');
});

test('a flushed rule set is made again when the engine starts', async () => {
  await host.docker(
    'run',
    '-d',
    '--name',
    'web2',
    '-p',
    '8082:80',
    image,
    'sh',
    '-c',
    'mkdir /www; echo again > /www/index.html; exec httpd -f -p 80 -h /www',
  );
  await host.stopEngine('SIGTERM');
  await host.sh('iptables -t nat -F');
  await host.startEngine();
  assert.equal(await eventually(() => host.sh('curl -sf --max-time 3 http://127.0.0.1:8082/'), { withinMs: 5000 }), 'again');
  await host.docker('rm', '-f', 'web2');
});
