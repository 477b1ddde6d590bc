import { readFile } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';
import { apiVersion, minApiVersion } from '../../api/docker/version.ts';
import type { Container } from '../../engine/containers/container.ts';
import { stateOf } from '../../engine/containers/state.ts';
import type { Call } from '../call.ts';
import { buildCache } from '../encode/build-cache.ts';
import { imageSummary } from '../encode/image.ts';
import { selectImages } from '../filter-images.ts';
import { sharedBytes, withVirtualSize } from './images.ts';
import { systemInfo } from '../encode/info.ts';
import { infoAsOf } from '../encode/older.ts';
import { volumeInspect } from '../encode/volume.ts';
import { architecture } from '../parse/platform.ts';
import type { Route } from '../router.ts';
import { summaries } from './containers.ts';
import { volumeReferences } from './volumes.ts';

export const systemRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/_ping', handle: ping },
  { method: 'HEAD', pattern: '/_ping', handle: ping },
  { method: 'GET', pattern: '/version', handle: version },
  { method: 'GET', pattern: '/info', handle: info },
  { method: 'GET', pattern: '/system/df', handle: diskUsage },
];

/** `Builder-Version: 1` sends clients to the classic builder. */
async function ping({ reply }: Call): Promise<void> {
  reply.text('OK', {
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
  });
}

async function version({ facts, reply }: Call): Promise<void> {
  const details = {
    ApiVersion: apiVersion,
    Arch: architecture,
    BuildTime: facts.startedAt.toISOString(),
    Experimental: 'false',
    GitCommit: facts.version,
    GoVersion: 'none',
    KernelVersion: release(),
    MinAPIVersion: minApiVersion,
    Os: 'linux',
  };
  reply.json({
    Platform: { Name: 'davit' },
    Components: [{ Name: 'Engine', Version: facts.version, Details: details }],
    Version: facts.version,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: facts.version,
    GoVersion: 'none',
    Os: 'linux',
    Arch: architecture,
    KernelVersion: release(),
    BuildTime: facts.startedAt.toISOString(),
  });
}

async function info({ engine, facts, reply, minor }: Call): Promise<void> {
  const [containers, images] = await Promise.all([engine.containers.list(), engine.images.list()]);
  const answer = systemInfo({
    id: engine.id,
    config: engine.config,
    containers: counts(containers),
    images: images.length,
    version: facts.version,
    cgroupVersion: facts.cgroupVersion,
    now: new Date(),
    host: {
      kernel: release(),
      machine: arch() === 'x64' ? 'x86_64' : 'aarch64',
      processors: cpus().length,
      memory: totalmem(),
      os: await osRelease(),
    },
  });
  reply.json(infoAsOf(minor, answer));
}

function counts(containers: readonly Container[]) {
  const states = containers.map(stateOf);
  const running = states.filter((state) => state === 'running' || state === 'restarting').length;
  const paused = states.filter((state) => state === 'paused').length;
  return { all: states.length, running, paused, stopped: states.length - running - paused };
}

async function osRelease(): Promise<{ readonly name: string; readonly version: string }> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { name: field('PRETTY_NAME') || 'Linux', version: field('VERSION_ID') };
}

async function diskUsage(call: Call): Promise<void> {
  const { engine, query } = call;
  const types = query.getAll('type');
  const wants = (type: string): boolean => types.length === 0 || types.includes(type);
  const [images, containers, references] = await Promise.all([engine.images.list(), engine.containers.list(), volumeReferences(engine)]);
  const users = (id: string): number => containers.filter((container) => container.imageId === id).length;
  const shown = selectImages(images, { all: false, filters: new Map(), until: undefined });
  const inSeveral = await sharedBytes(engine, shown);
  const rows = shown.map((image) =>
    withVirtualSize(call, imageSummary(image, { containers: users(image.id), sharedBytes: inSeveral.get(image.id) ?? 0 })),
  );
  const byId = new Map<string, (typeof images)[number]>(images.map((image) => [image.id, image]));
  const volumes = await engine.volumes.list();
  const cache = await engine.builder.usage();
  // Layers that only cached steps need are the build cache's, not the images'.
  const cached = cache.filter(({ type, shared }) => type === 'regular' && !shared).reduce((sum, { bytes }) => sum + bytes, 0);
  call.reply.json({
    LayersSize: wants('image') ? Math.max(0, (await engine.images.layerBytes()) - cached) : 0,
    Images: wants('image') ? rows : null,
    Containers: wants('container') ? await summaries(engine, containers, byId, true) : null,
    Volumes: wants('volume')
      ? await Promise.all(
          volumes.map(async (volume) =>
            volumeInspect(volume, { bytes: await engine.volumes.bytes(volume.name), references: references.get(volume.name) ?? 0 }),
          ),
        )
      : null,
    BuildCache: wants('build-cache') ? cache.map((item) => buildCache(item, call.minor)) : null,
    ...(call.minor < 42 ? { BuilderSize: 0 } : {}),
    // Beyond Docker's API: every byte that du finds in the data directory, and whose it is.
    ...(types.length === 0
      ? {
          Ledger: await engine.images.ledger({
            containers: new Set(containers.map(({ id }) => id)),
            volumes: new Set(volumes.map(({ name }) => name)),
          }),
        }
      : {}),
  });
}
