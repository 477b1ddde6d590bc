/** Containers as users of the docker client meet them. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

let host: DockerMachine;
const image = 'busybox:test';

before(async () => {
  host = await DockerMachine.create('drun', 103);
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]): Promise<string> => host.docker('run', '--rm', ...args);

/** A command on a terminal of 101×31; `script` types a NUL when its own input ends, which is echoed as ^@. */
async function terminal(command: string): Promise<string> {
  return (await host.sh(`script -qec "stty cols 101 rows 31; ${command}" /dev/null`)).replaceAll('^@', '');
}

const exitCodes: readonly (readonly [code: number, title: string, args: readonly string[], message: RegExp])[] = [
  [0, 'success', [image, 'true'], /^$/],
  [7, 'the program’s own code', [image, 'sh', '-c', 'exit 7'], /^$/],
  [125, 'an option that cannot be', ['--memory', '1k', image, 'true'], /Minimum memory limit allowed is 6MB/],
  [126, 'a file that is no program', [image, '/etc/passwd'], /permission denied/],
  [127, 'a program that is not there', [image, 'nonesuch'], /executable file not found in \$PATH/],
];

for (const [code, title, args, message] of exitCodes) {
  test(`run --rm ends with ${code}: ${title}`, async () => {
    const result = await host.try('run', '--rm', ...args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
  });
}

test('nothing is left of --rm, not even of a failed start', async () => {
  await eventually(async () => assert.equal(await host.docker('ps', '-aq'), ''), { withinMs: 5000 });
});

test('output and errors come apart, input goes in', async () => {
  const both = await host.try('run', '--rm', image, 'sh', '-c', 'echo out; echo err >&2');
  assert.deepEqual([both.stdout, both.stderr], ['out\n', 'err\n']);
  assert.equal(await host.sh(`docker run --rm -i ${image} cat`, 'through\n'), 'through');
  assert.equal(await host.sh(`docker run --rm -i ${image} wc -c`, 'x'.repeat(300_000)), '300000');
});

test('a terminal', async () => {
  const said = await terminal(`docker run --rm -it ${image} sh -c 'tty; sleep 0.5; stty size; echo done'`);
  assert.match(said, /\/dev\/(pts\/0|console)\r\n31 101\r\ndone/);
});

const insides: readonly (readonly [title: string, args: readonly string[], script: string, expected: RegExp])[] = [
  ['environment', ['-e', 'A=1', '-e', 'B=two words'], 'echo $A,$B', /^1,two words$/],
  ['user', ['--user', '65534:65534'], 'id -u; id -g', /^65534\n65534$/],
  ['working directory and host name', ['-w', '/tmp', '--hostname', 'box'], 'pwd; hostname', /^\/tmp\nbox$/],
  ['default capabilities', [], 'grep CapEff /proc/self/status', /CapEff:\t00000000a80425fb/],
  ['a capability dropped', ['--cap-drop', 'CHOWN'], 'grep CapBnd /proc/self/status', /CapBnd:\t00000000a80425fa/],
  [
    'all capabilities dropped but one',
    ['--cap-drop', 'ALL', '--cap-add', 'NET_BIND_SERVICE'],
    'grep CapEff /proc/self/status',
    /0000000000000400$/,
  ],
  ['seccomp is on', [], 'grep Seccomp: /proc/self/status', /Seccomp:\t2/],
  ['a read-only root', ['--read-only'], 'touch /x 2>&1 || echo refused', /Read-only file system\nrefused/],
  ['a tmpfs', ['--tmpfs', '/scratch:size=1m'], 'grep scratch /proc/mounts', /tmpfs \/scratch tmpfs .*size=1024k/],
  ['an own entrypoint', ['--entrypoint', 'echo'], '', /^-c$/],
  ['extra hosts', ['--add-host', 'db:10.1.2.3'], 'grep db /etc/hosts', /^10\.1\.2\.3\s+db$/],
  ['shared memory', ['--shm-size', '32m'], 'grep /dev/shm /proc/mounts', /size=32768k/],
  ['sysctls', ['--sysctl', 'net.ipv4.ip_unprivileged_port_start=1024'], 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start', /^1024$/],
  ['pid 1 and nothing else', [], 'ls -d /proc/[0-9]* | wc -l', /^[1-4]$/],
];

for (const [title, args, script, expected] of insides) {
  test(`inside: ${title}`, async () => {
    const command = args.includes('--entrypoint') ? ['-c'] : ['sh', '-c', script];
    assert.match(await run(...args, image, ...command), expected);
  });
}

test('limits are in the control groups', async () => {
  const id = await host.docker(
    'run',
    '-d',
    '--name',
    'limited',
    '--memory',
    '64m',
    '--cpus',
    '0.5',
    '--pids-limit',
    '50',
    image,
    'sleep',
    '100',
  );
  const read = (group: string, file: string): Promise<string> =>
    host.sh(`cat $(ls -d /sys/fs/cgroup/${group}/davit-drun/*${id}*/ /sys/fs/cgroup/davit-drun/*${id}*/ 2>/dev/null | head -1)${file}`);
  assert.equal(await read('memory', 'memory.limit_in_bytes'), String(64 << 20));
  assert.equal(await read('cpu', 'cpu.cfs_quota_us'), '50000');
  assert.equal(await read('pids', 'pids.max'), '50');
  await host.docker('update', '--memory', '96m', '--memory-swap', '192m', 'limited');
  assert.equal(await read('memory', 'memory.limit_in_bytes'), String(96 << 20));
  assert.equal(await host.docker('inspect', '-f', '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}', 'limited'), `${96 << 20} 500000000`);
  await host.docker('rm', '-f', 'limited');
});

test('volumes: named, anonymous, from the host, read-only', async () => {
  await run('-v', 'box:/data', image, 'sh', '-c', 'echo kept > /data/file');
  assert.equal(
    await run('-v', 'box:/data:ro', image, 'sh', '-c', 'cat /data/file; touch /data/x 2>/dev/null || echo refused'),
    'kept\nrefused',
  );
  const folder = join(host.folder, 'bind');
  await mkdir(folder);
  await writeFile(join(folder, 'in'), 'from the host');
  await run('-v', `${folder}:/bind`, image, 'sh', '-c', 'cp /bind/in /bind/out');
  assert.equal(await readFile(join(folder, 'out'), 'utf8'), 'from the host');
  const missing = await host.try('run', '--rm', '--mount', `type=bind,src=${folder}/none,dst=/x`, image, 'true');
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /bind source path does not exist/);
  assert.equal(await host.docker('volume', 'ls', '-q'), 'box');
  await host.docker('volume', 'rm', 'box');
});

test('create, start, ps, stop, start again, kill, rm', async () => {
  const id = await host.docker('create', '--name', 'cycle', '--label', 'job=test', image, 'sleep', '100');
  assert.match(id, /^[0-9a-f]{64}$/);
  const status = (): Promise<string> => host.docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'cycle');
  assert.equal(await status(), 'created 0');
  await host.docker('start', 'cycle');
  assert.equal(await status(), 'running 0');
  assert.equal(await host.docker('ps', '-q', '--no-trunc', '--filter', 'label=job=test', '--filter', 'status=running'), id);
  await host.docker('stop', '-t', '1', 'cycle');
  assert.equal(await status(), 'exited 137');
  assert.match(
    await host.docker('ps', '-a', '--filter', 'name=^cycle$', '--format', '{{.Image}} {{.Command}} {{.Status}}'),
    /^busybox:test "sleep 100" Exited \(137\) /,
  );
  await host.docker('start', 'cycle');
  const refused = await host.try('rm', 'cycle');
  assert.match(refused.stderr, /cannot remove container "?\/?cycle"?: container is running/);
  await host.docker('kill', '-s', 'KILL', 'cycle');
  assert.equal(await host.docker('wait', 'cycle'), '137');
  await host.docker('rm', 'cycle');
  assert.match((await host.try('inspect', 'cycle')).stderr, /no such object: cycle/i);
});

test('logs: streams, tail, since, times, follow to the end', async () => {
  await host.docker(
    'run',
    '-d',
    '--name',
    'talker',
    image,
    'sh',
    '-c',
    'for i in 1 2 3 4; do echo line $i; done; echo oops >&2; sleep 0.4; echo last',
  );
  assert.match(await host.docker('logs', '-f', 'talker'), /^line 1\nline 2\nline 3\nline 4\nlast$/);
  const all = await host.try('logs', '--tail', '2', 'talker');
  assert.deepEqual([all.stdout, all.stderr], ['last\n', 'oops\n']);
  assert.match(await host.docker('logs', '-t', 'talker'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1\n/);
  assert.equal(await host.docker('logs', '--since', '1h', '--until', '30m', 'talker'), '');
  await host.docker('rm', 'talker');
});

test('exec: output, input, exit codes, user, terminal', async () => {
  await host.docker('run', '-d', '--name', 'exec', '-e', 'A=1', image, 'sleep', '100');
  assert.equal(await host.docker('exec', '-e', 'B=2', 'exec', 'sh', '-c', 'echo $A$B'), '12');
  assert.equal(await host.docker('exec', '-u', '65534', '-w', '/tmp', 'exec', 'sh', '-c', 'id -u; pwd'), '65534\n/tmp');
  assert.equal(await host.sh('docker exec -i exec cat', 'piped'), 'piped');
  assert.equal((await host.try('exec', 'exec', 'sh', '-c', 'exit 9')).code, 9);
  assert.equal((await host.try('exec', 'exec', 'nonesuch')).code, 127);
  assert.match(await terminal(`docker exec -it exec sh -c 'tty; echo hi'`), /\/dev\/pts\/\d\r\nhi/);
  await host.docker('exec', '-d', 'exec', 'touch', '/tmp/made');
  await eventually(() => host.docker('exec', 'exec', 'ls', '/tmp/made'), { withinMs: 3000 });
  assert.match(await host.docker('top', 'exec'), /sleep 100/);
  await host.docker('rm', '-f', 'exec');
  assert.match((await host.try('exec', 'exec', 'true')).stderr, /No such container: exec/);
});

/** What the engine told about a container so far, an action per line. */
function actionsOf(name: string, since: string): Promise<string> {
  const span = ['--since', since, '--until', String(Date.now() / 1000)];
  return host.docker('events', ...span, '--filter', `container=${name}`, '--format', '{{.Action}}');
}

test('stats, events, pause, rename, attach', async () => {
  const since = String(Date.now() / 1000);
  await host.docker('run', '-d', '--name', 'before', image, 'sh', '-c', 'until [ -e /go ]; do sleep 0.05; done; echo attached; exit 4');
  await host.docker('rename', 'before', 'renamed');
  await host.docker('pause', 'renamed');
  assert.match(await host.docker('ps', '--format', '{{.Names}} {{.Status}}'), /^renamed Up .*\(Paused\)$/m);
  await host.docker('unpause', 'renamed');
  const attaching = host.try('attach', 'renamed');
  await eventually(async () => assert.match(await actionsOf('renamed', since), /^attach$/m), { withinMs: 5000 });
  await host.docker('exec', 'renamed', 'touch', '/go');
  const attached = await attaching;
  assert.deepEqual([attached.stdout, attached.code], ['attached\n', 4]);
  await host.docker('run', '-d', '--name', 'busy', '--memory', '64m', image, 'sh', '-c', 'while :; do :; done');
  const [cpu = '', memory = ''] = (await host.docker('stats', '--no-stream', '--format', '{{.CPUPerc}} {{.MemUsage}}', 'busy')).split(
    / (.*)/,
  );
  assert.ok(Number.parseFloat(cpu) > 5, cpu);
  assert.match(memory, /iB \/ 64MiB$/);
  await host.docker('rm', '-f', 'busy', 'renamed');
  const events = await actionsOf('renamed', since);
  for (const action of ['rename', 'pause', 'unpause', 'attach', 'die', 'destroy']) assert.match(events, new RegExp(`^${action}$`, 'm'));
});

test('restart policies', async () => {
  await host.docker('run', '-d', '--name', 'again', '--restart', 'on-failure:2', image, 'sh', '-c', 'exit 3');
  await eventually(
    async () => assert.equal(await host.docker('inspect', '-f', '{{.RestartCount}} {{.State.Status}}', 'again'), '2 exited'),
    { withinMs: 10_000 },
  );
  await host.docker('rm', 'again');
  await host.docker('run', '-d', '--name', 'always', '--restart', 'always', image, 'sleep', '100');
  const pid = (): Promise<string> => host.docker('inspect', '-f', '{{.State.Pid}} {{.State.Running}}', 'always');
  const first = await pid();
  await host.sh(`kill -9 ${first.split(' ')[0]}`);
  await eventually(async () => assert.match((await pid()).replace(first, ''), /^[1-9]\d* true$/), { withinMs: 5000 });
  await host.docker('rm', '-f', 'always');
});

test('cp in and out, diff, commit, export', async () => {
  await host.docker('run', '-d', '--name', 'files', image, 'sleep', '100');
  const folder = join(host.folder, 'cp');
  await mkdir(join(folder, 'tree/deep'), { recursive: true });
  await writeFile(join(folder, 'tree/deep/file'), 'copied');
  await host.docker('cp', join(folder, 'tree'), 'files:/srv');
  assert.equal(await host.docker('exec', 'files', 'cat', '/srv/deep/file'), 'copied');
  await host.docker('cp', 'files:/srv/deep/file', join(folder, 'back'));
  assert.equal(await readFile(join(folder, 'back'), 'utf8'), 'copied');
  assert.match((await host.try('cp', 'files:/nix', folder)).stderr, /Could not find the file \/nix in container files/);
  assert.match(await host.docker('diff', 'files'), /^A \/srv$/m);
  await host.docker('commit', '-c', 'CMD ["cat","/srv/deep/file"]', 'files', 'committed:1');
  assert.equal(await run('committed:1'), 'copied');
  await host.docker('kill', 'files');
  assert.match(await host.sh('docker export files | tar -t'), /^srv\/deep\/file$/m);
  await host.docker('rm', '-f', 'files');
  await host.docker('rmi', 'committed:1');
});

test('what cannot be is told, with its holder', async () => {
  const held = await host.docker('run', '-d', '--name', 'held', image, 'sleep', '100');
  const taken = await host.try('run', '--rm', '--name', 'held', image, 'true');
  assert.equal(taken.code, 125);
  assert.match(taken.stderr, new RegExp(`Conflict\\. The container name "/held" is already in use by container "${held}"`));
  await host.docker('rm', '-f', 'held');
  assert.match((await host.try('start', 'nobody')).stderr, /No such container: nobody/);
  assert.match((await host.try('run', '--rm', '--pull', 'never', 'nothing:here', 'true')).stderr, /No such image: nothing:here/);
  assert.match((await host.try('run', '--rm', '--runtime', 'kata', image, 'true')).stderr, /HostConfig\.Runtime: "kata" is not supported/);
  assert.equal(await host.docker('ps', '-aq'), '');
});
