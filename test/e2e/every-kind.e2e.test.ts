/**
 * Every kind of file with everything that can be known of it goes into an image, through containers, commits, archives and a registry, and
 * comes out as it went in: here, and in dockerd, which gets the same.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDockerd, type Dockerd } from '../../bench/dockerd.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';
import { everyKindTar } from '../support/every-kind.ts';
import { peerProgram, hasPeer } from '../support/peers.ts';
import { PeerRegistry } from '../support/peer-registry.ts';
import { readExport } from './build-corpus/compare.ts';

const missing = ['docker.io', 'docker-registry'].every(hasPeer) ? false : 'docker.io or docker-registry is not unpacked (tools/peers.sh)';
const registry = '198.18.117.2:5000';
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let dockerd: Dockerd;
let tar: string;

type Docker = (...args: readonly string[]) => Promise<string>;
const ours: Docker = (...args) => host.docker(...args);
const theirs: Docker = (...args) => {
  const { path, env } = peerProgram('docker.io', 'docker');
  return host.machine.ok([path, ...args], { timeoutMs: 120_000, env: { ...env, DOCKER_HOST: dockerd.host } });
};
const engines = { davit: ours, dockerd: theirs } as const;

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('kinds', 117, () => ['--insecure-registry', '198.18.0.0/16']));
  stack.use(await PeerRegistry.start(host.machine, { port: 5000 }));
  const started = await startDockerd(stack, 'kinds-peer', '118');
  assert.ok(started);
  dockerd = started;
  tar = await everyKindTar(host.folder);
});
after(() => stack.disposeAsync());

async function both<T>(
  ask: (docker: Docker, name: keyof typeof engines) => Promise<T>,
): Promise<{ readonly davit: T; readonly dockerd: T }> {
  const [davit, peer] = await Promise.all([ask(ours, 'davit'), ask(theirs, 'dockerd')]);
  return { davit, dockerd: peer };
}

const layersOf = (docker: Docker, image: string): Promise<string> =>
  docker('image', 'inspect', '--format', '{{json .RootFS.Layers}}', image);

/** Files below /kinds as a container of the image sees them, times to the nanosecond. */
const seen = (docker: Docker, image: string): Promise<string> =>
  docker('run', '--rm', '--network', 'none', image, 'sh', '-c', "find /kinds -exec stat -c '%n %f %u:%g %s %t,%T %h %y' {} + | sort");

/** It sets times before 1970 to 1970; layers here keep them. */
const asDockerd = (text: string): string => text.replace(/^(\/kinds\/nothing .*) (?:1969|1970)-.*$/m, '$1');

/** It exports and commits capabilities alone of all attributes; nothing is left out here. The mode of a whiteout means nothing. */
const bare = (files: Readonly<Record<string, string>>): unknown =>
  Object.fromEntries(
    Object.entries(files).map(([path, facts]) => [path, path.includes('.wh.') ? 'whiteout' : facts.replace(/\{"user\..*\}/, '{}')]),
  );

async function exported(docker: Docker, container: string, name: string): Promise<Readonly<Record<string, string>>> {
  const file = join(host.folder, `${name}-export.tar`);
  await docker('export', '-o', file, container);
  const files = await readExport(file);
  await rm(file);
  return files;
}

test('an imported tar is the layer, byte for byte, and containers see every file as it was packed', { skip: missing }, async () => {
  await both((docker) => docker('import', tar, 'kinds:1'));
  const layers = await both((docker) => layersOf(docker, 'kinds:1'));
  assert.equal(layers.davit, layers.dockerd);
  const files = await both((docker) => seen(docker, 'kinds:1'));
  assert.equal(asDockerd(files.davit), asDockerd(files.dockerd));
  assert.match(files.davit, /kinds\/ping 89ed 7:8 4 0,0 1 2024-05-06 07:08:09\.123456789/);
  assert.match(files.davit, /kinds\/plain 81a0 3000000:4000000 5 0,0 1 /);
  assert.match(files.davit, /kinds\/deep\/one \S+ 0:0 5 0,0 3 /, 'three names of one file');
  assert.match(files.davit, /kinds\/nothing .* 1969-12-31 23:59:58/);
});

test('export gives what dockerd exports', { skip: missing }, async () => {
  const files = await both(async (docker, name) => {
    const id = await docker('create', 'kinds:1', 'true');
    const found = await exported(docker, id, name);
    await docker('rm', id);
    return found;
  });
  assert.deepEqual(bare(files.davit), files.dockerd);
  const packed = await readExport(tar);
  for (const [path, facts] of Object.entries(packed))
    if (path.startsWith('kinds/') && facts !== 'hard link') assert.equal(files.davit[path], facts, path);
});

test('what one engine saves or pushes, the other loads or pulls as the same layers', { skip: missing }, async () => {
  const expected = { layers: await layersOf(ours, 'kinds:1'), files: asDockerd(await seen(ours, 'kinds:1')) };
  const check = async (docker: Docker, image: string): Promise<void> => {
    assert.deepEqual({ layers: await layersOf(docker, image), files: asDockerd(await seen(docker, image)) }, expected);
    await docker('rmi', '-f', image);
  };
  for (const [from, to] of [[ours, theirs] as const, [theirs, ours] as const]) {
    const [archive, name] = [join(host.folder, 'kinds-saved.tar'), `${registry}/kinds:${from === ours ? 'davit' : 'dockerd'}`];
    await from('tag', 'kinds:1', name);
    await from('save', '-o', archive, name);
    await from('push', name);
    await from('rmi', name);
    await to('rmi', 'kinds:1');
    await to('load', '-i', archive);
    await check(to, name);
    await to('pull', name);
    await to('tag', name, 'kinds:1');
    await check(to, name);
    await rm(archive);
  }
});

const changes = `cd /kinds
chmod 600 plain
echo more >> deep/one
touch -d '2020-01-01 00:00:00' attributes
chown -h 20:21 link
rm -r deep/d*
rm pipe
mkdir pipe
mv ' space' moved
echo new > empty/new
truncate -s 8M hole
`;

test(
  'a container’s changes, and nothing else, are in diff and commit; a file that is written to is copied up whole',
  { skip: missing },
  async () => {
    const found = await both(async (docker, name) => {
      // Still running: what the engine itself needs in its root is there, too.
      const id = await docker('run', '-d', '-v', '/mnt/volume', 'kinds:1', 'sh', '-c', `${changes}touch /done; exec sleep 1000`);
      await eventually(() => docker('exec', id, 'test', '-e', '/done'), { withinMs: 10_000 });
      const diff = await docker('diff', id);
      const files = await exported(docker, id, name);
      await docker('commit', id, 'kinds:2');
      await docker('rm', '-f', '-v', id);
      return { diff: diff.split('\n').sort(), files: bare(files), seen: withoutTimesOfNow(asDockerd(await seen(docker, 'kinds:2'))) };
    });
    assert.deepEqual(found.davit, found.dockerd);
    assert.deepEqual(
      found.davit.diff.filter((line) => line.includes('ping') || line.includes('sparse')),
      [],
    );
    // The layer has no more than what was written to.
    const members = await both(async (docker, name) => {
      const file = join(host.folder, `${name}-2.tar`);
      await docker('save', '-o', file, 'kinds:2');
      const inner = join(host.folder, `${name}-2-layer.tar`);
      await host.sh(
        `tar -xOf ${file} "$(tar -xOf ${file} manifest.json | grep -oE '"[^"]*"' | grep -E 'layer.tar|blobs/' | tail -1 | tr -d '"')" > ${inner}`,
      );
      return readExport(inner);
    });
    assert.deepEqual(bare(members.davit), bare(members.dockerd));
  },
);

/** Times of what this test has just written differ between two engines, and dockerd writes whole seconds into its own layers. */
function withoutTimesOfNow(text: string): string {
  return text.replaceAll(new RegExp(` ${new Date().getUTCFullYear()}-\\d\\d-\\d\\d \\S+ \\S+$`, 'gm'), ' now').replaceAll(/\.\d{9} /g, ' ');
}

test('holes stay holes in a commit', { skip: missing }, async () => {
  const used = await ours('run', '--rm', '--network', 'none', 'kinds:2', 'du', '-k', '/kinds/hole');
  assert.ok(Number(used.split('\t')[0]) < 64, used);
});
