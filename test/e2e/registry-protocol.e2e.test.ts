/** Debian's docker-registry as the real docker client and davit reach it: by tokens, over connections that break, through proxies; whole indexes. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { mediaTypes } from '../../src/api/oci/image.ts';
import { digestOf } from '../../src/base/digest.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { PeerRegistry } from '../support/peer-registry.ts';
import { ForwardProxy, RoughProxy } from '../support/rough-proxy.ts';
import { TokenServer } from '../support/token-server.ts';

const number = 114;
/** The machine, and this process as the machine sees it. */
const [inside, outside] = [`198.18.${number}.2`, `198.18.${number}.1`];
const [plain, other, guarded, secure] = [`${inside}:5000`, `${inside}:5001`, `${inside}:5002`, `${inside}:5443`];
/** The plain registry over bad connections. */
const rough = `${outside}:6000`;

const stack = new AsyncDisposableStack();
let host: DockerMachine;
let tokens: TokenServer;
let proxy: ForwardProxy;
let bad: RoughProxy;

before(async () => {
  // For the engine that is started below: registries 5001 and 5443 are behind the proxy.
  Object.assign(process.env, {
    HTTP_PROXY: `http://${outside}:3128`,
    HTTPS_PROXY: `http://${outside}:3128`,
    NO_PROXY: `${plain},${guarded},${outside}`,
  });
  host = stack.use(
    await DockerMachine.create('dproto', number, (folder) => [
      '--insecure-registry',
      '198.18.0.0/16',
      '--registry-certificates',
      join(folder, 'certs.d'),
    ]),
  );
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) delete process.env[name];
  const { machine, folder } = host;
  await host.sh(
    `cd ${folder} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.crt -subj /CN=registry -addext subjectAltName=IP:${inside} -days 2`,
  );
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  await mkdir(join(folder, `certs.d/${secure}`), { recursive: true });
  await copyFile(certificate, join(folder, `certs.d/${secure}/ca.crt`));
  tokens = stack.use(
    await TokenServer.start({
      address: outside,
      port: 5100,
      key,
      certificate,
      grant: (user, password, repository) => {
        if (user === undefined) return repository.startsWith('public/') ? ['pull'] : [];
        if (password !== `${user}-secret`) return undefined;
        return user === 'writer' ? ['pull', 'push'] : ['pull'];
      },
    }),
  );
  proxy = stack.use(await ForwardProxy.start(outside, 3128));
  bad = stack.use(await RoughProxy.start(outside, 6000, { host: inside, port: 5000 }));
  stack.use(await PeerRegistry.start(machine, { port: 5000 }));
  stack.use(await PeerRegistry.start(machine, { port: 5001 }));
  stack.use(await PeerRegistry.start(machine, { port: 5002, token: { realm: tokens.realm, certificate } }));
  stack.use(await PeerRegistry.start(machine, { port: 5443, tls: { certificate, key } }));
  await mkdir(join(folder, 'app'));
  await writeFile(
    join(folder, 'app/Dockerfile'),
    'FROM busybox:test\nRUN head -c 20000000 /dev/urandom > /big\nCMD ["sha256sum", "/big"]\n',
  );
  await host.docker('build', '-t', 'app', join(folder, 'app'));
});
after(() => stack.disposeAsync());

async function push(name: string, source = 'app'): Promise<string> {
  await host.docker('tag', source, name);
  return host.docker('push', name);
}

/** Removes every name of the image but one of another image, so that a pull has to fetch. */
async function forget(...names: readonly string[]): Promise<void> {
  await host.docker('rmi', '-f', ...names);
}

const login = async (user: string): Promise<string> => {
  const result = await host.machine.run(['docker', 'login', '-u', user, '--password-stdin', guarded], { input: `${user}-secret` });
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
};

test('tokens: nobody may only read what is public, a reader read, a writer write', async () => {
  const [name, open] = [`${guarded}/team/app:1`, `${guarded}/public/app:1`];
  assert.match((await host.try('push', open)).stderr, /does not exist locally/);
  await host.docker('tag', 'busybox:test', name);
  await host.docker('tag', 'busybox:test', open);
  assert.match((await host.try('push', name)).stderr, /unauthorized: authentication required/);
  assert.match(
    (await host.machine.run(['docker', 'login', '-u', 'writer', '--password-stdin', guarded], { input: 'wrong' })).stderr,
    /unauthorized|401/,
  );
  assert.match(await login('reader'), /Login Succeeded/);
  assert.match((await host.try('push', name)).stderr, /unauthorized|denied/);
  await login('writer');
  for (const each of [name, open]) assert.match(await host.docker('push', each), /digest: sha256:/);
  await host.docker('logout', guarded);
  await forget(name, open);
  assert.match((await host.try('pull', name)).stderr, /pull access denied for team\/app|repository does not exist or may require/);
  assert.match(await host.docker('pull', open), /Status: /);
  await login('reader');
  assert.match(await host.docker('pull', name), /Status: /);
  assert.ok(
    tokens.asked.some((line) => /^writer .*repository:team\/app:pull,push/.test(line)),
    tokens.asked.join('\n'),
  );
  assert.ok(tokens.asked.some((line) => /^nobody .*repository:public\/app:pull/.test(line)));
});

test('a push over connections that break comes to its end; a pull goes on byte for byte where it was', async () => {
  const name = `${rough}/rough/app:1`;
  bad.cut = { up: 6_000_000, down: 3_000_000, most: 2 };
  assert.match(await push(name), /Retrying in[\s\S]*digest: sha256:/);
  assert.equal(bad.cuts, 2);
  const sum = await host.docker('run', '--rm', 'app');
  await host.docker('tag', 'app', 'kept');
  await forget('app', 'kept', name);
  const down = bad.down;
  bad.cut = { ...bad.cut, most: 1000 };
  await host.docker('pull', name);
  assert.ok(bad.cuts >= 7, `${bad.cuts - 2} cuts of the pull`);
  assert.ok(bad.down - down < 24_000_000, `${bad.down - down} bytes: nothing is fetched twice`);
  bad.cut = undefined;
  assert.equal(await host.docker('run', '--rm', name), sum);
  await host.docker('tag', name, 'app');
});

test('proxies of the environment are used, but for what NO_PROXY names', async () => {
  assert.match(await host.docker('info'), new RegExp(`HTTP Proxy: http://${outside}:3128`));
  const seen = proxy.requests.length;
  await push(`${plain}/direct/app`, 'busybox:test');
  assert.equal(proxy.requests.length, seen);
  await push(`${other}/proxied/app`, 'busybox:test');
  assert.ok(
    proxy.requests.some((line) => line.startsWith(`PUT http://${other}/v2/proxied/app/manifests/latest`)),
    proxy.requests.join('\n'),
  );
  await push(`${secure}/tunnelled/app`, 'busybox:test');
  assert.ok(proxy.requests.includes(`CONNECT ${secure}`));
  await forget(`${other}/proxied/app`, `${secure}/tunnelled/app`);
  for (const name of [`${other}/proxied/app`, `${secure}/tunnelled/app`])
    assert.match(await host.docker('pull', name), /Status: Downloaded|up to date/);
});

/** One request to the plain registry. */
async function put(
  path: string,
  mediaType: string,
  document: object,
): Promise<{ readonly digest: string; readonly size: number; readonly mediaType: string }> {
  const text = JSON.stringify(document);
  const answer = await fetch(`http://${plain}/v2/${path.replace('DIGEST', digestOf(text))}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: text,
  });
  assert.equal(answer.status, 201, await answer.text());
  return { mediaType, digest: digestOf(text), size: text.length };
}

async function blob(repository: string, data: string): Promise<{ readonly digest: string; readonly size: number }> {
  const opened = await fetch(`http://${plain}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(opened.headers.get('location') ?? '', `http://${plain}`);
  place.searchParams.set('digest', digestOf(data));
  assert.equal((await fetch(place, { method: 'PUT', body: data })).status, 201);
  return { digest: digestOf(data), size: data.length };
}

test('an index is pushed whole where the registry has the other platforms, its digest kept; elsewhere this platform, and it is said', async () => {
  await push(`${plain}/multi/source:own`, 'busybox:test');
  const accept = { accept: mediaTypes.dockerManifest };
  const own = await (await fetch(`http://${plain}/v2/multi/source/manifests/own`, { headers: accept })).text();
  const config = { mediaType: mediaTypes.ociConfig, ...(await blob('multi/source', '{"architecture":"vax","os":"linux"}')) };
  const layers = [{ mediaType: mediaTypes.ociLayerGzip, ...(await blob('multi/source', 'a layer of the other platform')) }];
  const vax = await put('multi/source/manifests/DIGEST', mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers,
  });
  const manifests = [
    { ...vax, platform: { os: 'linux', architecture: 'vax' } },
    { mediaType: mediaTypes.dockerManifest, digest: digestOf(own), size: own.length, platform: { os: 'linux', architecture: 'amd64' } },
  ];
  const index = await put('multi/source/manifests/1', mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const name = `${plain}/multi/source:1`;
  await forget(`${plain}/multi/source:own`);
  assert.match(await host.docker('pull', name), new RegExp(`Digest: ${index.digest}`));
  assert.equal(
    await host.docker('image', 'inspect', '-f', '{{json .RepoDigests}}', name).then((text) => text.includes(index.digest)),
    true,
  );
  const whole = await push(`${plain}/multi/copy:1`, name);
  assert.match(whole, new RegExp(`1: digest: ${index.digest} size: ${index.size}`));
  const copied = await fetch(`http://${plain}/v2/multi/copy/manifests/${vax.digest}`, { headers: { accept: mediaTypes.ociManifest } });
  assert.equal(digestOf(await copied.text()), vax.digest, 'the other platform is there too');
  assert.equal((await fetch(`http://${plain}/v2/multi/copy/blobs/${layers[0]?.digest}`)).status, 200);
  const alone = await push(`${other}/multi/copy:1`, name);
  assert.match(alone, new RegExp(`only the available single-platform image was pushed\\s+${index.digest} -> (sha256:\\w+)`));
  assert.doesNotMatch(alone, new RegExp(`1: digest: ${index.digest}`));
  await forget(`${other}/multi/copy:1`);
  assert.match(await host.docker('pull', `${other}/multi/copy:1`), /Status: /);
});
