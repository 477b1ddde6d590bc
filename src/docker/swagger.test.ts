/** Answers against Docker's published API description, where it is at hand: required fields, types, and null only where allowed. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { containerInspect, containerSummary } from './encode/container.ts';
import { eventMessage } from './encode/event.ts';
import { imageHistory, imageInspect, imageSummary } from './encode/image.ts';
import { systemInfo } from './encode/info.ts';
import { networkInspect, networkSummary } from './encode/network.ts';
import { containerStats } from './encode/stats.ts';
import { volumeInspect } from './encode/volume.ts';
import { created, exited, sampleContainer, sampleImage, sampleNetwork, sampleVolume, start } from './samples.fake.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly allOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly 'x-nullable'?: boolean;
}

const file = join(import.meta.dirname, '../../../shared/reference/docker-engine-api.swagger.yaml.gz');
const skip = existsSync(file) ? false : `no ${file}`;
let definitions: Readonly<Record<string, Schema>> = {};

before(() => {
  if (skip) return;
  const [section = ''] = /^definitions:\n[^]*?(?=^paths:)/m.exec(gunzipSync(readFileSync(file)).toString()) ?? [];
  definitions = (parse(section, { strict: false, logLevel: 'silent' }) as { definitions: Record<string, Schema> }).definitions;
});

/** dockerd itself answers null here (Go's nil slices and maps); checked against dockerd 28's source of truth, its clients. */
const nullInDockerd =
  /\.(Binds|VolumesFrom|CapAdd|CapDrop|ExtraHosts|GroupAdd|Links|SecurityOpt|StorageOpt|MaskedPaths|ReadonlyPaths|DeviceCgroupRules|DeviceRequests|Cmd|Entrypoint|Volumes|OnBuild|Env|Labels|IPAMConfig|Aliases|DriverOpts|DNSNames|Options|Tags|Ports\.\S+|Warnings|Authorization|GenericResources|RemoteManagers|AllowNondistributable\w+|Mirrors|Data|MemorySwappiness|PidsLimit|SecondaryIP\w+|io_\w+|sectors_recursive)$/;

function problems(value: unknown, schema: Schema, path: string): readonly string[] {
  if (schema.$ref) return problems(value, definitions[schema.$ref.replace('#/definitions/', '')] ?? {}, path);
  if (value === undefined) return [];
  if (value === null) return schema['x-nullable'] || nullInDockerd.test(path) ? [] : [`${path} is null`];
  const own = [...(schema.allOf ?? []).flatMap((part) => problems(value, part, path)), ...typeProblems(value, schema, path)];
  if (Array.isArray(value))
    return [...own, ...value.flatMap((item, at) => (schema.items ? problems(item, schema.items, `${path}[${at}]`) : []))];
  return typeof value === 'object' ? [...own, ...objectProblems(value as Record<string, unknown>, schema, path)] : own;
}

function typeProblems(value: unknown, schema: Schema, path: string): readonly string[] {
  const type = Array.isArray(value) ? 'array' : typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
  const wrongType = schema.type !== undefined && schema.type !== type && !(schema.type === 'number' && type === 'integer');
  const wrongValue = schema.enum !== undefined && typeof value !== 'object' && !schema.enum.includes(value);
  return [...(wrongType ? [`${path} is ${type}, not ${schema.type}`] : []), ...(wrongValue ? [`${path} = ${String(value)}`] : [])];
}

function objectProblems(value: Readonly<Record<string, unknown>>, schema: Schema, path: string): readonly string[] {
  const missing = (schema.required ?? []).filter((name) => value[name] === undefined).map((name) => `${path}.${name} is missing`);
  const known = Object.entries(value).flatMap(([name, field]) => {
    const shape = schema.properties?.[name] ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {});
    return problems(field, shape, `${path}.${name}`);
  });
  return [...missing, ...known];
}

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
  ['an image in a list', 'ImageSummary', imageSummary(image, -1)],
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
  test(`${title} is a ${definition}`, { skip }, () => {
    assert.ok(definitions[definition], 'definition');
    assert.deepEqual(problems(answer, { $ref: `#/definitions/${definition}` }, definition), []);
  });
}
