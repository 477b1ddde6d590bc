/** The real docker client, davit, and Debian's docker-registry: plain, with passwords, with TLS. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DockerMachine } from '../support/docker-machine.ts';
import { peerProgram } from '../support/peers.ts';
import { PeerRegistry } from '../support/peer-registry.ts';

const number = 110;
const [plain, guarded, secure] = ['127.0.0.1:5000', '127.0.0.1:5001', `198.18.${number}.2:5443`];
/** An address that only a rule of the configuration makes insecure, and one that nothing does. */
const [byRule, byNone] = ['192.0.2.7:5000', `198.18.${number}.2:5000`];
/** tester : pass word:1 */
const users = 'tester:$2b$04$TDU3HuKb4bv5SLBfc2Ss0eA7XM6Ft6VLUlQSDfMJAgSnj9wD3f43i\n';

const stack = new AsyncDisposableStack();
let host: DockerMachine;
let registry: PeerRegistry;

before(async () => {
  host = stack.use(
    await DockerMachine.create('dreg', number, (folder) => [
      '--registry-mirror',
      `http://${plain}`,
      '--insecure-registry',
      '192.0.2.0/24',
      '--registry-certificates',
      join(folder, 'certs.d'),
    ]),
  );
  await host.sh('ip addr add 192.0.2.7/32 dev lo');
  const { machine, folder } = host;
  const [certificate, key, authority] = ['server.crt', 'server.key', 'ca.crt'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await host.sh(`cd ${folder} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=test-ca -days 2 \
    && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=registry \
    && printf 'subjectAltName=IP:198.18.${number}.2' > ext && openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt`);
  registry = stack.use(await PeerRegistry.start(machine, { port: 5000 }));
  stack.use(await PeerRegistry.start(machine, { port: 5001, users }));
  stack.use(await PeerRegistry.start(machine, { port: 5443, tls: { certificate, key } }));
  await mkdir(join(folder, `certs.d/${secure}`), { recursive: true });
  await copyFile(authority, join(folder, `certs.d/${secure}/ca.crt`));
  await mkdir(join(folder, 'app'));
  await writeFile(
    join(folder, 'app/Dockerfile'),
    'FROM busybox:test\nRUN echo one > /one\nRUN head -c 300000 /dev/urandom > /two\nCMD ["cat", "/one"]\n',
  );
  await host.docker('build', '-t', 'app', join(folder, 'app'));
});

after(() => stack.disposeAsync());

/** What `docker push` ends with. */
const digestLine = /(\S+): digest: (sha256:[0-9a-f]{64}) size: (\d+)/;

async function push(name: string, source = 'app'): Promise<string> {
  await host.docker('tag', source, name);
  return host.docker('push', name);
}

test('push, remove, pull back, run: the digest is the same', async () => {
  const said = await push(`${plain}/team/app:v1`);
  assert.match(said, /^The push refers to repository \[127\.0\.0\.1:5000\/team\/app\]/);
  assert.equal(said.match(/: Pushed$/gm)?.length, 3, said);
  const [, tag, digest, size] = digestLine.exec(said) ?? [];
  assert.equal(tag, 'v1');
  const id = await host.docker('image', 'inspect', '-f', '{{.Id}}', 'app');
  assert.equal(await host.docker('image', 'inspect', '-f', '{{index .RepoDigests 0}}', 'app'), `${plain}/team/app@${digest}`);
  await host.docker('tag', 'app', 'kept');
  await host.docker('rmi', 'app', 'kept', `${plain}/team/app:v1`);
  const pulled = await host.docker('pull', `${plain}/team/app:v1`);
  assert.match(
    pulled,
    new RegExp(`^v1: Pulling from team/app$[\\s\\S]*Digest: ${digest}\nStatus: Downloaded newer image for ${plain}/team/app:v1$`, 'm'),
  );
  assert.equal(await host.docker('image', 'inspect', '-f', '{{.Id}}', `${plain}/team/app:v1`), id);
  assert.equal(await host.docker('run', '--rm', `${plain}/team/app:v1`), 'one');
  assert.match(
    await host.docker('pull', `${plain}/team/app@${digest}`),
    new RegExp(`Status: Image is up to date for ${plain}/team/app@${digest}`),
  );
  await host.docker('tag', `${plain}/team/app:v1`, 'app');
  const again = await push(`${plain}/team/app:v2`);
  assert.match(again, /: Layer already exists/);
  assert.deepEqual(digestLine.exec(again)?.slice(2), [digest, size], 'what was pulled is pushed as it was');
});

test('another repository of the registry gives its layers', async () => {
  const said = await push(`${plain}/other/app`);
  assert.equal(said.match(/: Mounted from team\/app$/gm)?.length, 3, said);
  assert.equal((await host.docker('pull', '--quiet', `${plain}/other/app`)).trim(), `${plain}/other/app:latest`);
});

test('all tags, both ways', async () => {
  await host.docker('tag', 'busybox:test', `${plain}/team/many:a`);
  await host.docker('tag', 'app', `${plain}/team/many:b`);
  assert.match(await host.docker('push', '--all-tags', `${plain}/team/many`), /a: digest: [\s\S]*b: digest: /);
  await host.docker('rmi', `${plain}/team/many:a`, `${plain}/team/many:b`);
  await host.docker('pull', '--all-tags', `${plain}/team/many`);
  assert.equal(await host.docker('images', '--format', '{{.Tag}}', `${plain}/team/many`), 'b\na');
});

test('what does not fit is refused in the words of dockerd', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['pull', `${plain}/team/app:none`], /manifest for 127\.0\.0\.1:5000\/team\/app:none not found: manifest unknown: manifest unknown/],
    [['pull', `${plain}/none`], /manifest for 127\.0\.0\.1:5000\/none:latest not found: manifest unknown/],
    [['push', `${plain}/team/absent`], /An image does not exist locally with the tag: 127\.0\.0\.1:5000\/team\/absent/],
    [['pull', `${byNone}/team/app:v1`], /http: server gave HTTP response to HTTPS client/],
    [['pull', '127.0.0.1:1/x'], /dial tcp 127\.0\.0\.1:1: connect: connection refused/],
    [['search', 'nginx'], /searching Docker Hub is not supported/],
  ];
  for (const [args, message] of cases) {
    const result = await host.try(...args);
    assert.notEqual(result.code, 0, args.join(' '));
    assert.match(result.stderr, message);
  }
});

test('an insecure registry by rule, and a mirror for names of Docker Hub', async () => {
  assert.match(await push(`${byRule}/ruled`), digestLine);
  await push(`${plain}/library/mirrored:1`);
  await host.docker('rmi', `${plain}/library/mirrored:1`);
  assert.match(await host.docker('pull', 'mirrored:1'), /Status: Downloaded newer image for mirrored:1/);
  assert.equal(await host.docker('run', '--rm', 'mirrored:1'), 'one');
});

test('login is checked with the registry; its user may push and pull', async () => {
  const name = `${guarded}/app`;
  await host.docker('tag', 'app', name);
  assert.match((await host.try('push', name)).stderr, /no basic auth credentials/);
  const wrong = await host.machine.run(['docker', 'login', '-u', 'tester', '--password-stdin', guarded], { input: 'wrong' });
  assert.match(wrong.stderr, /login attempt to http:\/\/127\.0\.0\.1:5001\/v2\/ failed with status: 401 Unauthorized/);
  const right = await host.machine.run(['docker', 'login', '-u', 'tester', '--password-stdin', guarded], { input: 'pass word:1' });
  assert.match(right.stdout, /Login Succeeded/, right.stderr);
  assert.match(await host.docker('push', name), digestLine);
  await host.docker('rmi', name);
  assert.match(await host.docker('pull', name), /Downloaded newer image/);
  await host.docker('logout', guarded);
  await host.docker('rmi', name);
  assert.match((await host.try('pull', name)).stderr, /no basic auth credentials|pull access denied/);
});

test('TLS with an authority of certs.d; one that nobody vouches for is refused', async () => {
  assert.match(await push(`${secure}/app`), digestLine);
  await host.docker('rmi', `${secure}/app`);
  assert.match(await host.docker('pull', `${secure}/app`), /Downloaded newer image/);
  await host.sh(`mv ${host.folder}/certs.d ${host.folder}/away`);
  assert.match((await host.try('pull', `${secure}/app`)).stderr, /certificate/);
  await host.sh(`mv ${host.folder}/away ${host.folder}/certs.d`);
});

test('two pulls at once fetch each layer once', async () => {
  await host.docker('rmi', '-f', ...(await host.docker('images', '-q', 'app')).split('\n'));
  const before_ = registry.requests(/^GET .*\/blobs\//).length;
  const pulls = await Promise.all(['v1', 'v2', 'v1'].map((tag) => host.docker('pull', `${plain}/team/app:${tag}`)));
  for (const said of pulls) assert.match(said, /Status: (Downloaded|Image is up)/);
  const blobs = registry.requests(/^GET .*\/blobs\//).slice(before_);
  // busybox's layer is here already; the config is small and fetched by each.
  const counts = new Map<string, number>();
  for (const blob of blobs) counts.set(blob, (counts.get(blob) ?? 0) + 1);
  assert.equal([...counts.values()].filter((count) => count === 1).length, 2, JSON.stringify([...counts]));
  await host.docker('tag', `${plain}/team/app:v1`, 'app');
});

test('what a registry has is seen without pulling', async () => {
  const inspected = JSON.parse(await host.docker('manifest', 'inspect', '--insecure', `${plain}/team/app:v1`)) as {
    readonly layers: readonly unknown[];
  };
  assert.equal(inspected.layers.length, 3);
  const text = await host.sh(`curl -s --unix-socket ${host.folder}/run/docker.sock http://d/distribution/${plain}/team/app:v1/json`);
  const { Descriptor, Platforms } = JSON.parse(text) as {
    readonly Descriptor: { readonly digest: string; readonly mediaType: string };
    readonly Platforms: unknown;
  };
  assert.match(Descriptor.digest, /^sha256:/);
  assert.equal(Descriptor.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  assert.deepEqual(Platforms, [{ architecture: 'amd64', os: 'linux' }]);
});

test('skopeo reads what davit pushed and saved; davit reads what skopeo wrote: the layers are the same', async () => {
  const skopeo = (...args: readonly string[]): Promise<string> => {
    const { path, env } = peerProgram('skopeo');
    return host.machine.ok([path, '--insecure-policy', ...args], { env: { LD_LIBRARY_PATH: env['LD_LIBRARY_PATH'] ?? '' } });
  };
  const layersOf = (name: string): Promise<string> => host.docker('image', 'inspect', '-f', '{{json .RootFS.Layers}}', name);
  const [plainly, folder] = ['--src-tls-verify=false', host.folder];
  const expected = await layersOf('app');
  await skopeo(
    'copy',
    plainly,
    '--dest-tls-verify=false',
    '--format',
    'oci',
    '--dest-compress-format',
    'zstd',
    `docker://${plain}/team/app:v1`,
    `docker://${plain}/skopeo/oci`,
  );
  await skopeo('copy', plainly, `docker://${plain}/team/app:v1`, `docker-archive:${folder}/skopeo.tar:from/skopeo:docker`);
  await skopeo('copy', plainly, `docker://${plain}/team/app:v1`, `oci-archive:${folder}/skopeo-oci.tar:from/skopeo:oci`);
  await host.docker('save', '-o', join(folder, 'davit.tar'), 'app');
  assert.deepEqual(
    (
      JSON.parse(await skopeo('inspect', '--config', `docker-archive:${folder}/davit.tar`)) as {
        readonly rootfs: { readonly diff_ids: unknown };
      }
    ).rootfs.diff_ids,
    JSON.parse(expected),
  );
  await host.sh(`mkdir ${folder}/layout && tar -xf ${folder}/davit.tar -C ${folder}/layout`);
  await skopeo('copy', '--dest-tls-verify=false', `oci:${folder}/layout`, `docker://${plain}/skopeo/saved`);
  await host.docker('rmi', '-f', ...(await host.docker('images', '-q', 'app')).split('\n'));
  for (const name of ['oci', 'saved']) {
    await host.docker('pull', `${plain}/skopeo/${name}`);
    assert.equal(await layersOf(`${plain}/skopeo/${name}`), expected, name);
    assert.equal(await host.docker('run', '--rm', `${plain}/skopeo/${name}`), 'one');
    await host.docker('rmi', '-f', await host.docker('images', '-q', `${plain}/skopeo/${name}`));
  }
  assert.match(await host.docker('load', '-i', join(folder, 'skopeo.tar')), /Loaded image: from\/skopeo:docker/);
  assert.equal(await layersOf('from/skopeo:docker'), expected);
  assert.equal(await host.docker('run', '--rm', 'from/skopeo:docker'), 'one');
  await host.docker('rmi', 'from/skopeo:docker');
  const [, loaded = ''] = /^Loaded image(?: ID)?: (\S+)$/m.exec(await host.docker('load', '-i', join(folder, 'skopeo-oci.tar'))) ?? [];
  assert.equal(await layersOf(loaded), expected);
  await host.docker('rmi', loaded);
  await host.docker('pull', `${plain}/team/app:v1`);
  await host.docker('tag', `${plain}/team/app:v1`, 'app');
});

test('a terminal gets bars', async () => {
  await host.docker('tag', 'app', `${plain}/bars`);
  const pushed = await host.sh(
    `curl -s -X POST -H 'X-Registry-Auth: e30' --unix-socket ${host.folder}/run/docker.sock 'http://d/images/${plain}/bars/push?tag=latest'`,
  );
  assert.match(pushed, /"aux":\{"Tag":"latest","Digest":"sha256:[0-9a-f]{64}","Size":\d+\}/);
  await host.docker('rmi', '-f', ...(await host.docker('images', '-q', 'app')).split('\n'));
  const drawn = await host.sh(`TERM=xterm script -qec 'stty cols 150; docker pull ${plain}/team/app:v1' /dev/null`);
  assert.match(drawn, /\[=+>? *\]/);
});
