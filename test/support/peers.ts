import { existsSync, globSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const peers = fileURLToPath(new URL('../../.cache/peers', import.meta.url));

/** How a program of a peer (tools/peers.sh) is started: it is unpacked, not installed, and brings its own libraries. */
export interface PeerProgram {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

export function hasPeer(peer: string): boolean {
  return existsSync(join(peers, peer));
}

/** `peerProgram('docker-registry')`, `peerProgram('docker.io', 'dockerd')`, `peerProgram('docker-compose@sid')`. */
export function peerProgram(peer: string, program = peer.replace(/@.*$/, '')): PeerProgram {
  const path = foldersOf(peer)
    .map((folder) => join(folder, program))
    .find((each) => existsSync(each));
  if (path === undefined) throw new Error(`${program} is missing: run "bash tools/peers.sh ${peer}"`);
  return { path, env: peerEnvironment([peer]) };
}

/** Where the programs of several peers, those of the first before those of the next, are found together with their libraries. */
export function peerEnvironment(names: readonly string[]): PeerProgram['env'] {
  const roots = names.map((peer) => join(peers, peer));
  return {
    PATH: [...names.flatMap(foldersOf), process.env['PATH'] ?? '', '/usr/sbin:/sbin'].join(':'),
    LD_LIBRARY_PATH: roots.flatMap(libraryFolders).join(':'),
    // python3.11/…: parts of the standard library that Debian packs apart, such as distutils.
    PYTHONPATH: roots
      .flatMap((root) =>
        globSync(['usr/lib/python3/dist-packages', 'usr/lib/python3.*'], { cwd: root }).map((folder) => join(root, folder)),
      )
      .join(':'),
  };
}

/** A file of a peer, there or not. */
export function peerFile(peer: string, path: string): string {
  return join(peers, peer, path);
}

function foldersOf(peer: string): readonly string[] {
  return ['usr/bin', 'usr/sbin', 'usr/libexec/docker/cli-plugins', 'bin', 'sbin'].map((folder) => join(peers, peer, folder));
}

/** `usr/lib/x86_64-linux-gnu` and the private folders in it, such as pulseaudio's. */
function libraryFolders(root: string): readonly string[] {
  return globSync(['{usr/,}lib/*-linux-gnu', '{usr/,}lib/*-linux-gnu/*/'], { cwd: root })
    .filter((folder) => readdirSync(join(root, folder)).some((name) => name.includes('.so')))
    .map((folder) => join(root, folder));
}
