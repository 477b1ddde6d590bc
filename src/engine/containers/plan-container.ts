import { cpus } from 'node:os';
import { KindError } from '../../base/errors.ts';
import { newId, shortId } from '../../base/ids.ts';
import type { Image } from '../images/images.ts';
import type { PortBinding } from '../network/networks.ts';
import type { ContainerSpec, ResolvedMount } from './container.ts';
import { mergeEnvironment } from './environment.ts';
import { checkLimits } from './limits.ts';
import { isValidName } from './names.ts';
import { unbornFacts, type ContainerRecord } from './record.ts';
import { signalNumber } from './signals.ts';

/** What a wish and an image become; everything is resolved but what only the host can tell (addresses, ports, pid). Pure but for the ID. */
export function planContainer(
  spec: ContainerSpec,
  image: Image,
  name: string,
  mounts: readonly ResolvedMount[],
  now: Date,
): ContainerRecord {
  const id = newId();
  const { config } = image.config;
  const [path, ...args] = programOf(spec, image);
  if (path === undefined) throw new KindError('invalid', 'no command specified');
  const stopSignal = spec.stopSignal ?? config.StopSignal ?? 'SIGTERM';
  signalNumber(stopSignal);
  checkLimits(spec.limits ?? {}, cpus().length);
  return {
    id,
    name,
    spec,
    imageId: image.id,
    path,
    args,
    env: ownFirst(mergeEnvironment(config.Env ?? [], spec.env ?? []), spec.env ?? []),
    workingDirectory: spec.workingDirectory || config.WorkingDir || '',
    user: spec.user ?? config.User ?? '',
    hostname: spec.hostname || shortId(id),
    labels: { ...config.Labels, ...spec.labels },
    stopSignal,
    createdAt: now,
    ...unbornFacts,
    mounts,
    layers: image.config.rootfs.diff_ids,
    isBuildStep: false,
  };
}

/** As dockerd orders them: what was asked for, then what else the image has. */
function ownFirst(merged: readonly string[], own: readonly string[]): readonly string[] {
  const asked = new Set(own);
  return [...merged.filter((line) => asked.has(line)), ...merged.filter((line) => !asked.has(line))];
}

/** Entrypoint and command: an own entrypoint drops the image's command. */
function programOf(spec: ContainerSpec, image: Image): readonly string[] {
  const { Entrypoint, Cmd } = image.config.config;
  const entrypoint = spec.entrypoint ?? Entrypoint ?? [];
  const command = spec.command?.length ? spec.command : spec.entrypoint ? [] : (Cmd ?? []);
  return [...entrypoint.filter((part, index) => index > 0 || part !== ''), ...command];
}

export function checkName(name: string): void {
  if (!isValidName(name)) throw new KindError('invalid', `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

/** Ports to publish: those asked for and, with `-P`, every exposed one on a free port. */
export function wantedPorts(spec: ContainerSpec, exposedByImage: readonly string[]): readonly PortBinding[] {
  const asked = spec.ports ?? [];
  if (!spec.publishAll) return asked;
  const exposed = [...new Set([...exposedByImage, ...(spec.exposedPorts ?? [])])].map((text) => {
    const [port = '', protocol = 'tcp'] = text.split('/');
    return { containerPort: Number(port), protocol: protocol as PortBinding['protocol'] };
  });
  return [
    ...asked,
    ...exposed.filter(
      (each) => !asked.some(({ containerPort, protocol }) => containerPort === each.containerPort && protocol === each.protocol),
    ),
  ];
}

/** Names of the networks it joins, the one with the default route first; empty on `host`, `none` and another's namespace. */
export function networksOf(spec: ContainerSpec): readonly string[] {
  const mode = spec.network || 'bridge';
  if (spec.sandbox || mode === 'host' || mode === 'none' || mode.startsWith('container:')) return [];
  const first = mode === 'disconnected' ? [] : [mode === 'default' ? 'bridge' : mode];
  return [...new Set([...first, ...Object.keys(spec.endpoints ?? {}).filter((name) => name !== 'default')])];
}
