import type { Container } from '../engine/containers/container.ts';
import type { Image } from '../engine/images/images.ts';
import type { Network } from '../engine/network/networks.ts';
import type { Volume } from '../engine/volumes/volumes.ts';

/** Values of the engine as tests of the Docker API need them. */
export const sampleId = 'a1'.repeat(32);
export const imageId = `sha256:${'b2'.repeat(32)}` as const;
export const start = new Date('2026-01-02T03:04:05.678Z');

/** A running container on the default bridge. */
export function sampleContainer(changes: Partial<Container> = {}): Container {
  const endpoint = {
    id: 'e'.repeat(64),
    networkId: 'f'.repeat(64),
    networkName: 'bridge',
    ownerId: sampleId,
    ownerName: 'web',
    ipv4: '172.17.0.2/16',
    gateway: '172.17.0.1',
    mac: '02:42:ac:11:00:02',
    aliases: [],
    spec: {},
  };
  return {
    id: sampleId,
    name: 'web',
    spec: { image: 'nginx:1.27', command: ['serve', '--port', '80'], ports: [{ containerPort: 80, protocol: 'tcp' }] },
    imageId,
    path: '/entry',
    args: ['serve', '--port', '80'],
    env: ['PATH=/bin'],
    workingDirectory: '/',
    user: '',
    hostname: sampleId.slice(0, 12),
    labels: { app: 'web', tier: 'front' },
    stopSignal: 'SIGTERM',
    createdAt: start,
    startedAt: start,
    finishedAt: undefined,
    pausedAt: undefined,
    pid: 4242,
    exitCode: undefined,
    oomKilled: false,
    error: undefined,
    restartCount: 0,
    isRestarting: false,
    isRemoving: false,
    stoppedByUser: false,
    health: undefined,
    endpoints: [endpoint],
    ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 32768 }],
    mounts: [
      { type: 'bind', source: '/srv', target: '/data', readOnly: true, propagation: 'rprivate' },
      { type: 'volume', name: 'vol', source: '/v/vol/_data', target: '/vol', readOnly: false, propagation: '' },
    ],
    logPath: '/log',
    execIds: [],
    ...changes,
  };
}

export const exited: Partial<Container> = { pid: undefined, finishedAt: start, exitCode: 137, ports: [] };
export const created: Partial<Container> = { pid: undefined, startedAt: undefined, exitCode: undefined, ports: [], mounts: [] };

export function sampleImage(changes: Partial<Image> = {}): Image {
  return {
    id: imageId,
    names: ['nginx:1.27'],
    digests: [],
    config: {
      created: '2026-01-01T00:00:00.123456789Z',
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['nginx'], Entrypoint: ['/entry'], ExposedPorts: { '80/tcp': {}, '443/tcp': {} }, Labels: { maker: 'us' } },
      rootfs: { type: 'layers', diff_ids: [imageId] },
      history: [{ created: '2026-01-01T00:00:00Z', created_by: 'COPY . .', comment: 'done' }],
    },
    bytes: 1234,
    parent: undefined,
    taggedAt: undefined,
    ...changes,
  };
}

export function sampleNetwork(changes: Partial<Network> = {}): Network {
  return {
    id: 'f'.repeat(64),
    name: 'bridge',
    driver: 'bridge',
    pools: [{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }],
    enableIpv4: true,
    enableIpv6: false,
    internal: false,
    attachable: false,
    labels: {},
    options: { 'com.docker.network.bridge.name': 'docker0' },
    createdAt: start,
    bridgeName: 'docker0',
    endpoints: sampleContainer().endpoints,
    ...changes,
  };
}

export function sampleVolume(changes: Partial<Volume> = {}): Volume {
  return {
    name: 'vol',
    driver: 'local',
    mountpoint: '/v/vol/_data',
    labels: {},
    options: {},
    createdAt: start,
    isAnonymous: false,
    ...changes,
  };
}
