/**
 * What davit makes other engines take, what they make davit takes: the same image, built by davit, dockerd, buildah and podman and copied by
 * skopeo, goes through a registry and through archives to all of them. Everywhere it has the same ID and layers, the same files, and runs.
 */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDockerd, type Dockerd } from '../../bench/dockerd.ts';
import { digestOf } from '../../src/base/digest.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { busyboxTar } from '../support/images.ts';
import { hasPeer, peerProgram } from '../support/peers.ts';
import { PeerRegistry } from '../support/peer-registry.ts';
import { noPodman, Podman } from '../support/podman.ts';
import { readExport } from './build-corpus/compare.ts';

const registry = '198.18.111.2:5000';
const missing = noPodman || (hasPeer('docker.io') ? false : 'docker.io is not unpacked (bash tools/peers.sh docker.io)');
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let dockerd: Dockerd;
let podman: Podman;

/** Every kind of file that a layer can carry, then one replaced by a directory of the same name, and one taken away. */
const dockerfile = `FROM busybox:test
RUN mkdir -p /d/sub && echo one > /d/one && ln /d/one /d/hard && ln -s one /d/soft && mkfifo /d/pipe && chmod 4755 /d/one && echo gone > /d/sub/gone && chown 5:6 /d/sub
RUN rm -r /d/sub && mkdir /d/sub && echo new > /d/sub/new
RUN rm /d/soft
ENV GREETING=hello
CMD ["sh", "-c", "echo $GREETING; cat /d/sub/new; ls /d"]
`;
const said = 'hello\nnew\nhard\none\npipe\nsub';

/** An engine as the tests see it. */
interface Peer {
  run(image: string): Promise<string>;
  pull(image: string): Promise<unknown>;
  inspect(image: string): Promise<{ readonly id: string; readonly layers: unknown }>;
  export(image: string, tar: string): Promise<unknown>;
  remove(image: string): Promise<unknown>;
}

const byDocker = (docker: (...args: readonly string[]) => Promise<string>): Peer => ({
  run: (image) => docker('run', '--rm', '--network', 'none', image),
  pull: (image) => docker('pull', '--quiet', image),
  inspect: async (image) => {
    const [{ Id, RootFS }] = JSON.parse(await docker('image', 'inspect', image)) as [{ Id: string; RootFS: { Layers: unknown } }];
    return { id: Id, layers: RootFS.Layers };
  },
  export: async (image, tar) => {
    const id = await docker('create', image);
    await docker('export', '-o', tar, id);
    await docker('rm', id);
  },
  remove: (image) => docker('rmi', '-f', image),
});

const ours = (...args: readonly string[]): Promise<string> => host.docker(...args);
/** Its own client: newer ones reach its BuildKit only with a plug-in. */
async function theirs(...args: readonly string[]): Promise<string> {
  const { path, env } = peerProgram('docker.io', 'docker');
  return host.machine.ok([path, ...args], { timeoutMs: 120_000, env: { ...env, DOCKER_BUILDKIT: '0', DOCKER_HOST: dockerd.host } });
}
const peers: Readonly<Record<'davit' | 'dockerd' | 'podman', Peer>> = {
  davit: byDocker(ours),
  dockerd: byDocker(theirs),
  podman: {
    run: (image) => podman.container(image),
    pull: (image) => podman.run('podman', 'pull', '--quiet', image),
    inspect: async (image) => {
      const [{ Id, RootFS }] = JSON.parse(await podman.run('podman', 'image', 'inspect', image)) as [
        { Id: string; RootFS: { Layers: unknown } },
      ];
      return { id: `sha256:${Id}`, layers: RootFS.Layers };
    },
    export: async (image, tar) => {
      const id = await podman.run('podman', 'create', image);
      await podman.run('podman', 'export', '-o', tar, id);
      await podman.run('podman', 'rm', id);
    },
    remove: (image) => podman.run('podman', 'rmi', '--force', image),
  },
};

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('interop', 111, () => ['--insecure-registry', '198.18.0.0/16']));
  stack.use(await PeerRegistry.start(host.machine, { port: 5000 }));
  podman = stack.use(await Podman.create(host.machine, '/davit-interop-podman', [registry]));
  const started = await startDockerd(stack, 'interop-peer', '112');
  assert.ok(started);
  dockerd = started;
  await build();
});
after(() => stack.disposeAsync());

const builders = ['davit', 'dockerd', 'buildah', 'podman'] as const;
const nameOf = (builder: string): string => `${registry}/built/${builder}:1`;

/** The same Dockerfile by four builders, pushed by each. */
async function build(): Promise<void> {
  const folder = join(host.folder, 'context');
  await mkdir(folder);
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  await writeFile(join(folder, 'Localfile'), dockerfile.replace('busybox:test', 'localhost/busybox:test'));
  const tar = await busyboxTar();
  await Promise.all([
    theirs('import', '-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin', tar, 'busybox:test'),
    podman.run('podman', 'import', '-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin:/usr/bin:/sbin:/usr/sbin', tar, 'localhost/busybox:test'),
  ]);
  const flags = ['--isolation', 'oci', '--runtime', 'runc', '--network', 'host', '--layers'];
  const policy = ['--signature-policy', podman.policy];
  await Promise.all([
    ours('build', '-t', nameOf('davit'), folder).then(() => ours('push', nameOf('davit'))),
    theirs('build', '-t', nameOf('dockerd'), folder).then(() => theirs('push', nameOf('dockerd'))),
    podman
      .run('buildah', 'bud', ...flags, '--format', 'oci', '-f', join(folder, 'Localfile'), '-t', nameOf('buildah'), folder)
      .then(() => podman.run('buildah', 'push', nameOf('buildah'))),
    podman
      .run('podman', 'build', ...flags, ...policy, '--format', 'docker', '-f', join(folder, 'Localfile'), '-t', nameOf('podman'), folder)
      .then(() => podman.run('podman', 'push', nameOf('podman'))),
  ]);
}

/** What the registry has: the ID is the digest of the config. */
async function inRegistry(name: string): Promise<{ readonly id: string; readonly layers: unknown; readonly digest: string }> {
  const from = `docker://${name}`;
  const config = await podman.run('skopeo', 'inspect', '--raw', '--config', from);
  const { rootfs } = JSON.parse(config) as { readonly rootfs: { readonly diff_ids: unknown } };
  return { id: digestOf(config), layers: rootfs.diff_ids, digest: digestOf(await podman.run('skopeo', 'inspect', '--raw', from)) };
}

/** What engines add to an image's files: podman other things than Docker. */
const runtimes = /^(?:\.dockerenv|dev(?:\/.*)?|proc|sys|etc\/(?:hosts|hostname|resolv\.conf|mtab)|run(?:\/.*)?)$/;

async function files(peer: Peer, image: string, tar: string): Promise<unknown> {
  await peer.export(image, tar);
  const found = await readExport(tar);
  await rm(tar);
  return Object.fromEntries(Object.entries(found).filter(([path]) => !runtimes.test(path)));
}

for (const builder of builders) {
  test(`what ${builder} pushed is pulled and run by all, the same everywhere`, { skip: missing }, async () => {
    const name = nameOf(builder);
    const { id, layers, digest } = await inRegistry(name);
    const seen: Record<string, unknown> = {};
    const take = async ([kind, peer]: readonly [string, Peer]): Promise<void> => {
      await peer.remove(name).catch(() => undefined);
      await peer.pull(name);
      assert.deepEqual(await peer.inspect(name), { id, layers }, kind);
      assert.equal(await peer.run(name), said, kind);
      seen[kind] = await files(peer, name, join(host.folder, `${kind}.tar`));
    };
    await Promise.all(Object.entries(peers).map(take));
    assert.deepEqual(seen['davit'], seen['dockerd']);
    assert.deepEqual(seen['podman'], seen['dockerd']);
    const again = `${registry}/again/${builder}:1`;
    await ours('tag', name, again);
    await ours('push', again);
    assert.equal((await inRegistry(again)).digest, digest, 'pushed on it is byte for byte the same');
  });
}

test('what skopeo copied as OCI with zstd is the same image', { skip: missing }, async () => {
  const [from, name] = [nameOf('davit'), `${registry}/copied/zstd:1`];
  await podman.run('skopeo', 'copy', '--format', 'oci', '--dest-compress-format', 'zstd', `docker://${from}`, `docker://${name}`);
  const { id, layers } = await inRegistry(name);
  await peers.davit.remove(from);
  for (const kind of ['davit', 'podman'] as const) {
    await peers[kind].pull(name);
    assert.deepEqual(await peers[kind].inspect(name), { id, layers }, kind);
    assert.equal(await peers[kind].run(name), said, kind);
  }
  await peers.davit.pull(from);
});

type Kind = keyof typeof peers;
/** Archive → who writes it, and who reads it how. */
const archives: Readonly<
  Record<
    string,
    {
      readonly by: Kind;
      readonly image: string;
      save(tar: string): Promise<unknown>;
      readonly to: Readonly<Partial<Record<Kind, readonly string[]>>>;
    }
  >
> = {
  'docker save of davit': {
    by: 'davit',
    image: nameOf('davit'),
    save: (tar) => ours('save', '-o', tar, nameOf('davit')),
    to: { dockerd: ['load', '-i'], podman: ['load', '-i'] },
  },
  'the OCI layout in it': {
    by: 'davit',
    image: nameOf('davit'),
    save: (tar) => ours('save', '-o', tar, nameOf('davit')),
    to: { podman: ['pull', '--quiet', 'oci-archive:'] },
  },
  'docker save of dockerd': {
    by: 'dockerd',
    image: nameOf('dockerd'),
    save: (tar) => theirs('save', '-o', tar, nameOf('dockerd')),
    to: { davit: ['load', '-i'] },
  },
  'podman save, docker-archive': {
    by: 'podman',
    image: nameOf('podman'),
    save: (tar) => podman.run('podman', 'save', '--format', 'docker-archive', '-o', tar, nameOf('podman')),
    to: { davit: ['load', '-i'], dockerd: ['load', '-i'] },
  },
  'podman save, oci-archive': {
    by: 'podman',
    image: nameOf('buildah'),
    save: (tar) => podman.run('podman', 'save', '--format', 'oci-archive', '-o', tar, nameOf('buildah')),
    to: { davit: ['load', '-i'] },
  },
};

for (const [title, { by, image, save, to }] of Object.entries(archives)) {
  test(`${title} is loaded by ${Object.keys(to).join(' and ')}`, { skip: missing }, async () => {
    const tar = join(host.folder, 'saved.tar');
    await save(tar);
    const expected = await peers[by].inspect(image);
    for (const [kind, args] of Object.entries(to) as [Kind, readonly string[]][]) {
      await peers[kind].remove(image).catch(() => undefined);
      const call = [...args.slice(0, -1), ...(args.at(-1)?.endsWith(':') ? [`${args.at(-1)}${tar}`] : [args.at(-1) ?? '', tar])];
      const answer = kind === 'podman' ? await podman.run('podman', ...call) : await (kind === 'davit' ? ours : theirs)(...call);
      const name = /Loaded image(?:\(s\)| ID)?: (\S+)/.exec(answer)?.[1] ?? answer.trim().split('\n').at(-1) ?? '';
      assert.deepEqual(await peers[kind].inspect(name), expected, kind);
      assert.equal(await peers[kind].run(name), said, kind);
    }
    await rm(tar);
  });
}
