import { Readable } from 'node:stream';
import type { Engine } from '../engine/engine.ts';
import { sampleContainer, sampleId, sampleImage, sampleNetwork, sampleVolume, start } from './samples.fake.ts';

export interface RecordedCall {
  readonly name: string;
  readonly args: readonly unknown[];
}

const container = sampleContainer();
const interfaces = { eth0: { rxBytes: 1, rxPackets: 1, rxErrors: 0, rxDropped: 0, txBytes: 1, txPackets: 1, txErrors: 0, txDropped: 0 } };
const cpu = { usageNs: 5, userNs: 3, systemNs: 2, perCpuNs: [], periods: 0, throttledPeriods: 0, throttledNs: 0 };

async function* items<T>(...values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

/** What each method gives; by `room.method`. Methods without an entry give undefined. */
const results: Readonly<Record<string, () => unknown>> = {
  'containers.list': () => [container],
  'containers.get': () => container,
  'containers.create': () => ({ container, warnings: [] }),
  'containers.start': () => true,
  'containers.stop': () => true,
  'containers.wait': () => ({ exitCode: 3 }),
  'containers.top': () => ({ titles: ['PID'], processes: [['1']] }),
  'containers.changes': () => [{ path: '/new', kind: 'added' }],
  'containers.places': () => ({
    root: { type: 'overlay', source: 'overlay', target: '/r/root', options: [] },
    etc: '/r',
    netns: '/r/netns',
  }),
  'containers.stats': () => ({ read: start, systemCpuNs: 9, onlineCpus: 2, networks: interfaces, cpu }),
  'containers.export': () => Readable.from([Buffer.from('tar')]),
  'containers.readArchive': () => ({ stat: stat(), tar: Readable.from([Buffer.from('tar')]) }),
  'containers.statPath': () => stat(),
  'containers.commit': () => 'sha256:new',
  'containers.prune': () => ({ ids: [sampleId], bytes: 7 }),
  'containers.size': () => ({ writable: 1, root: 2 }),
  'execs.create': () => 'e1',
  'execs.get': () => ({ id: 'e1', containerId: sampleId, spec: { command: ['ls', '-l'] }, pid: 5, isRunning: true, exitCode: undefined }),
  'images.layerBytes': () => 1234,
  'images.ledger': () => ({ total: 0, rows: [] }),
  'images.list': () => [sampleImage()],
  'images.get': () => sampleImage(),
  'images.history': () => [{ id: undefined, bytes: 1, names: [], created_by: 'RUN x' }],
  'images.import': () => sampleImage(),
  'images.remove': () => [{ untagged: 'nginx:1.27' }, { deleted: sampleImage().id }],
  'images.save': () => Readable.from([Buffer.from('tar')]),
  'images.load': () => items('Loaded image: a:1'),
  'images.pull': () => items({ id: 'layer', status: 'Downloading', current: 1, total: 2 }, { status: 'Done' }),
  'images.prune': () => ({ removals: [{ deleted: sampleImage().id }], bytes: 1234 }),
  'images.layersOf': () => [],
  'builder.build': () => items({ stream: 'Step 1/1 : FROM x\n' }, { imageId: sampleImage().id }),
  'builder.usage': () => [],
  'builder.prune': () => ({ ids: [], bytes: 11 }),
  'networks.list': () => [sampleNetwork(), sampleNetwork({ id: '1'.repeat(64), name: 'own', endpoints: [] })],
  'networks.get': () => sampleNetwork(),
  'networks.create': () => sampleNetwork({ name: 'own' }),
  'networks.prune': () => ['own'],
  'volumes.bytes': () => 3,
  'volumes.list': () => [sampleVolume(), sampleVolume({ name: 'unused' })],
  'volumes.get': () => sampleVolume(),
  'volumes.create': () => sampleVolume(),
  'volumes.prune': () => ({ names: ['unused'], bytes: 3 }),
  'events.stream': () => items({ type: 'container', action: 'start', id: sampleId, attributes: { name: 'web' }, time: start }),
};

function stat() {
  return { name: 'file', size: 3, mode: 0o100644, modifiedAt: start, linkTarget: '' };
}

/** An engine that gives samples and remembers what it was asked. */
export function recordingEngine(calls: RecordedCall[]): Engine {
  const room = (name: string): object =>
    new Proxy(
      {},
      {
        get:
          (_, method) =>
          (...args: readonly unknown[]) => {
            const full = `${name}.${String(method)}`;
            calls.push({ name: full, args: args.filter((arg) => !(arg instanceof AbortSignal)) });
            const result = results[full]?.();
            const isStream =
              typeof result === 'object' && result !== null && Symbol.asyncIterator in result && !(result instanceof Readable);
            return isStream ? result : Promise.resolve(result);
          },
      },
    );
  const rooms = ['containers', 'execs', 'images', 'builder', 'networks', 'volumes', 'events', 'sandboxes'];
  const config = {
    dataRoot: '/d',
    runRoot: '/r',
    cgroupParent: '/davit',
    bridgeName: 'docker0',
    bridgeAddress: '172.17.0.1/16',
    hostName: 'h',
  };
  return { ...Object.fromEntries(rooms.map((name) => [name, room(name)])), config, id: 'engine-1' } as unknown as Engine;
}
