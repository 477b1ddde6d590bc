/** `RUN --mount` of every type, on real containers. */
import assert from 'node:assert/strict';
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { BuildLab } from '../../../test/support/build-lab.ts';
import { serveAgent } from './agent-socket.ts';

let lab: BuildLab;
before(async () => {
  lab = await BuildLab.open('mounts');
});
after(async () => {
  assert.deepEqual(lab.leftovers(), []);
  await lab[Symbol.asyncDispose]();
});

const read = (reference: string, path: string): Promise<string> => lab.inside(reference, (root) => readFileSync(`${root}${path}`, 'utf8'));

test('bind: context, stage and image; writing is dropped; the place leaves no trace', async () => {
  const text = `FROM busybox AS tools
RUN mkdir /t && echo tool > /t/x && ln -s /t/x /t/link
FROM busybox
RUN --mount=type=bind,source=dir/b,target=/deep/er/file cat /deep/er/file > /out
RUN --mount=target=/ctx cat /ctx/a >> /out && ! touch /ctx/b 2>/dev/null
RUN --mount=type=bind,target=/ctx,rw echo changed > /ctx/a && cat /ctx/a >> /out
RUN --mount=target=/ctx cat /ctx/a >> /out
RUN --mount=from=tools,source=/t/link,target=/bin/../opt/tool --mount=from=busybox,source=/etc/passwd,target=/pw cat /opt/tool >> /out && grep -c root /pw >> /out
WORKDIR /w
RUN --mount=from=tools,source=t,target=rel ls rel >> /out
`;
  const files = { Dockerfile: text, a: 'a\n', 'dir/b': 'b\n' };
  const { id } = await lab.build(files);
  assert.equal(await read(id, '/out'), 'b\na\nchanged\na\ntool\n1\nlink\nx\n');
  await lab.inside(id, (root) => {
    for (const gone of ['ctx', 'deep', 'opt', 'pw']) assert.equal(readdirSync(root).includes(gone), false, gone);
    assert.deepEqual(readdirSync(`${root}/w`), []);
  });
  const again = await lab.build({ ...files, unused: 'x' });
  assert.equal(again.output.split('Running in').length - 1, 5, 'the first step that sees the whole context, and what follows, run again');
});

test('cache: kept between builds, shared by id, with owner and mode, filled from a stage', async () => {
  const step = (mount: string, command: string): string => `FROM busybox\nRUN --mount=type=cache,${mount} ${command}\n`;
  await lab.build({ Dockerfile: step('target=/c', 'echo one >> /c/log') });
  const second = await lab.build({ Dockerfile: step('target=/c', 'echo two >> /c/log; cp /c/log /log') });
  assert.equal(await read(second.id, '/log'), 'one\ntwo\n');
  const other = await lab.build({ Dockerfile: step('target=/elsewhere,id=/c', 'cp /elsewhere/log /log') });
  assert.equal(await read(other.id, '/log'), 'one\ntwo\n');
  const fresh = await lab.build({ Dockerfile: step('target=/c,id=mine,uid=5,gid=6,mode=0711', "stat -c '%u %g %a' /c > /log") });
  assert.equal(await read(fresh.id, '/log'), '5 6 711\n');
  const theirs = await lab.build({ Dockerfile: step('target=/c,id=mine,uid=7', "stat -c '%u %g %a' /c > /log") });
  assert.equal(await read(theirs.id, '/log'), '7 0 755\n', 'another owner has another cache');
  const filled = await lab.build({
    Dockerfile: `FROM busybox AS seed\nRUN mkdir /s && echo s > /s/f\n${step('target=/c,id=seeded,from=seed,source=/s', 'cp /c/f /log')}`,
  });
  assert.equal(await read(filled.id, '/log'), 's\n');
  const usage = (await lab.lab.engine.builder.usage()).filter(({ type }) => type === 'exec.cachemount');
  assert.deepEqual(usage.map(({ description, bytes }) => `${description} ${bytes}`).sort(), [
    'cache mount /c 8',
    'cache mount mine,mode=711,uid=5,gid=6 0',
    'cache mount mine,uid=7 0',
    'cache mount seeded 2',
  ]);
});

test('cache: locked steps run one after the other, private ones have folders of their own', async () => {
  const both = (sharing: string): string => {
    const command = 'test ! -e /c/busy && touch /c/busy && sleep 0.4 && rm /c/busy && echo ran > /ok';
    const stage = (name: string): string =>
      `FROM busybox AS ${name}\nRUN --mount=type=cache,id=${sharing},target=/c,sharing=${sharing} : ${name}; ${command}\n`;
    return `${stage('a')}${stage('b')}FROM busybox\nCOPY --from=a /ok /a\nCOPY --from=b /ok /b\n`;
  };
  for (const sharing of ['locked', 'private']) assert.ok((await lab.build({ Dockerfile: both(sharing) })).id, sharing);
  const folders = (await lab.lab.engine.builder.usage()).map(({ description }) => description);
  assert.equal(folders.filter((each) => each === 'cache mount private').length, 2);
  assert.equal(folders.filter((each) => each === 'cache mount locked').length, 1);
});

test('tmpfs, and what is written to it', async () => {
  const { id } = await lab.build({
    Dockerfile: "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m echo x > /t/f && df -k /t | awk 'NR==2{print $2}' > /size\n",
  });
  assert.equal(await read(id, '/size'), '1024\n');
  await lab.inside(id, (root) => assert.equal(readdirSync(root).includes('t'), false));
});

test('secrets: a file or a variable for one step, never in an image, nor part of the cache key', async () => {
  const text = `FROM busybox
RUN --mount=type=secret,id=token stat -c '%a %u' /run/secrets/token > /mode && wc -c < /run/secrets/token > /length
RUN --mount=type=secret,id=token,target=/k,mode=0444,uid=7 stat -c '%a %u' /k >> /mode
RUN --mount=type=secret,id=token,env=TOKEN echo "\${#TOKEN}" >> /length && test ! -e /run/secrets/token
RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent
RUN test -z "$TOKEN" && test ! -e /run/secrets
`;
  const secrets = { token: Buffer.from('s3cr3t-value') };
  const { id, output } = await lab.build({ Dockerfile: text }, { secrets });
  assert.equal(await read(id, '/mode'), '400 0\n444 7\n');
  assert.equal(await read(id, '/length'), '12\n12\n');
  assert.equal(output.includes('s3cr3t'), false);
  const image = await lab.images.get(id);
  assert.equal(JSON.stringify(image.config).includes('s3cr3t'), false);
  const stored = lab.lab.store.range('/').entries.map(({ value }) => Buffer.from(value).toString('latin1'));
  assert.equal(
    stored.some((value) => value.includes('s3cr3t')),
    false,
  );
  const again = await lab.build({ Dockerfile: text }, { secrets: { token: Buffer.from('another') } });
  assert.equal(again.id, id);
  await assert.rejects(lab.build({ Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=nope,required=true true' }), {
    kind: 'invalid',
    message: /^secret nope: not found: give it with --secret id=nope,src=FILE\nDockerfile:2:/,
  });
});

test('ssh: a socket whose connections reach the client’s agent', async () => {
  const heard: string[] = [];
  const agent = async (): Promise<Duplex> => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    input.on('data', (chunk: Buffer) => {
      heard.push(chunk.toString());
      output.end('pong');
    });
    return Duplex.from({ writable: input, readable: output });
  };
  // logger is the one program of busybox that talks to a stream socket with a path: /dev/log.
  const text = `FROM busybox
RUN --mount=type=ssh,mode=0666,uid=3 echo "$SSH_AUTH_SOCK" > /where && stat -c '%F %a %u' "$SSH_AUTH_SOCK" >> /where
RUN --mount=type=ssh,target=/dev/log logger -t step hello
RUN --mount=type=ssh,id=other test -z "$SSH_AUTH_SOCK"
`;
  const { id } = await lab.build({ Dockerfile: text }, { agents: { default: agent } });
  assert.equal(await read(id, '/where'), '/run/buildkit/ssh_agent.0\nsocket 666 3\n');
  assert.match(heard.join(''), /step: hello/);
  await assert.rejects(lab.build({ Dockerfile: 'FROM busybox\nRUN --mount=type=ssh,required true' }), {
    message: /ssh agent default: not given/,
  });

  const folder = `${lab.folder({})}/${'long'.repeat(40)}`;
  mkdirSync(folder);
  await using _server = await serveAgent(folder, agent);
  const fd = openSync(folder, 'r');
  const socket = connect(`/proc/self/fd/${fd}/agent`);
  socket.write('ping');
  assert.equal(await readAll(socket), 'pong');
  closeSync(fd);
});

test('network, hostname, hosts, limits of a step', async () => {
  const text = `FROM busybox
RUN --network=none ip -o link | wc -l > /links
RUN ulimit -n > /files && grep -c 10.9.8.7 /etc/hosts > /hosts
`;
  const { id } = await lab.build(
    { Dockerfile: text },
    { ulimits: [{ name: 'nofile', soft: 123, hard: 456 }], extraHosts: ['peer:10.9.8.7'] },
  );
  assert.equal(await read(id, '/links'), '1\n');
  assert.equal(await read(id, '/files'), '123\n');
  assert.equal(await read(id, '/hosts'), '1\n');
});

test('a here-document with its own interpreter', async () => {
  const text = 'FROM busybox\nRUN <<E\n#!/bin/awk -f\nBEGIN { print 6 * 7 > "/answer" }\nE\nRUN <<E\nx=a\necho $x > /shell\nE\n';
  const { id } = await lab.build({ Dockerfile: text });
  assert.equal(await read(id, '/answer'), '42\n');
  assert.equal(await read(id, '/shell'), 'a\n');
  await lab.inside(id, (root) => assert.equal(lstatSync(`${root}/dev`).isDirectory(), true));
});
