/** Answers against Docker's published API description, where it is at hand: required fields, types, and null only where allowed. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { DockerReference, noReference } from '../../test/support/docker-reference.ts';
import { containerInspect, containerSummary } from './encode/container.ts';
import { eventMessage } from './encode/event.ts';
import { imageHistory, imageInspect, imageSummary } from './encode/image.ts';
import { systemInfo } from './encode/info.ts';
import { networkInspect, networkSummary } from './encode/network.ts';
import { containerStats } from './encode/stats.ts';
import { volumeInspect } from './encode/volume.ts';
import { created, exited, sampleContainer, sampleImage, sampleNetwork, sampleVolume, start } from './samples.fake.ts';

let reference: DockerReference;

before(() => {
  if (!noReference) reference = DockerReference.load();
});

const running = sampleContainer();
const sample = {
  read: start,
  systemCpuNs: 10,
  onlineCpus: 2,
  networks: { eth0: { rxBytes: 1, rxPackets: 1, rxErrors: 0, rxDropped: 0, txBytes: 1, txPackets: 1, txErrors: 0, txDropped: 0 } },
  cpu: { usageNs: 1, userNs: 1, systemNs: 0, perCpuNs: [1], periods: 0, throttledPeriods: 0, throttledNs: 0 },
  memory: { usageBytes: 1, maxUsageBytes: 2, limitBytes: 3, oomKills: 0, stat: { cache: 1 } },
  pids: { current: 1, limit: undefined },
  io: [{ major: 8, minor: 0, op: 'Read', bytes: 5 }],
};
const image = sampleImage();
const info = systemInfo({
  id: 'i',
  config: { dataRoot: '/d', runRoot: '/r', cgroupParent: '/davit', bridgeName: 'docker0', bridgeAddress: '172.17.0.1/16', hostName: 'h' },
  containers: { all: 1, running: 1, paused: 0, stopped: 0 },
  images: 1,
  version: '0.1.0',
  cgroupVersion: 1,
  now: start,
  host: { kernel: '6.1', machine: 'x86_64', processors: 2, memory: 1 << 30, os: { name: 'Debian', version: '12' } },
});

const answers: readonly (readonly [title: string, definition: string, answer: unknown])[] = [
  ['a running container', 'ContainerInspectResponse', containerInspect(running, { image: image.config })],
  ['a container that was only created', 'ContainerInspectResponse', containerInspect(sampleContainer(created), { image: undefined })],
  [
    'an exited container with sizes',
    'ContainerInspectResponse',
    containerInspect(sampleContainer(exited), { image: image.config, size: { writable: 1, root: 2 } }),
  ],
  ['a container in a list', 'ContainerSummary', containerSummary(running, { image: image.config }, start)],
  ['an image', 'ImageInspect', imageInspect(image)],
  ['an image without names', 'ImageInspect', imageInspect(sampleImage({ names: [] }))],
  ['an image in a list', 'ImageSummary', imageSummary(image, { containers: -1, sharedBytes: 0 })],
  ['a step of an image', 'ImageHistoryResponseItem', imageHistory({ id: undefined, bytes: 1, names: [] })],
  ['a network', 'NetworkInspect', networkInspect(sampleNetwork())],
  ['a network in a list', 'NetworkSummary', networkSummary(sampleNetwork({ driver: 'none', pools: [], endpoints: [] }))],
  ['a volume', 'Volume', volumeInspect(sampleVolume(), { bytes: -1, references: 0 })],
  [
    'an event',
    'EventMessage',
    eventMessage({ type: 'container', action: 'start', id: running.id, attributes: { image: 'x' }, time: start }),
  ],
  ['statistics', 'ContainerStatsResponse', containerStats(running, sample, sample, 1 << 30)],
  ['statistics of a stopped container', 'ContainerStatsResponse', containerStats(sampleContainer(exited), undefined, undefined, 1 << 30)],
  ['info', 'SystemInfo', info],
];

for (const [title, definition, answer] of answers) {
  test(`${title} is a ${definition}`, { skip: noReference }, () => {
    // As it arrives: without what is undefined.
    assert.deepEqual(reference.definitionProblems(definition, JSON.parse(JSON.stringify(answer))), []);
  });
}
