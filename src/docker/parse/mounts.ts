import type { HostConfig, MountRequest } from '../../api/docker/container-create.ts';
import { posix } from 'node:path';
import { KindError } from '../../base/errors.ts';
import type { Container, MountSpec } from '../../engine/containers/container.ts';

/** Everything mounted into a container: `-v` (Binds), `--mount` (Mounts), `--tmpfs` and anonymous volumes (Config.Volumes). */
export function parseMounts(host: HostConfig, anonymous: readonly string[]): readonly MountSpec[] {
  const given = [
    ...(host.Binds ?? []).map(parseBind),
    ...(host.Mounts ?? []).map(parseMount),
    ...Object.entries(host.Tmpfs ?? {}).map(([target, options]) => tmpfs(cleanTmpfsTarget(target), options)),
  ];
  const targets = new Set<string>();
  for (const { target } of given) {
    if (targets.has(target)) throw new KindError('invalid', `Duplicate mount point: ${target}`);
    targets.add(target);
  }
  const rest = anonymous.map((target) => cleanTarget(target)).filter((target) => !targets.has(target));
  return [...given, ...rest.map((target): MountSpec => ({ type: 'volume', target, readOnly: false }))];
}

const tmpfsValues: ReadonlySet<string> = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);
const tmpfsFlags: ReadonlySet<string> = new Set(
  'defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime diratime nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave relatime norelatime strictatime nostrictatime'.split(
    ' ',
  ),
);

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** SELinux labels and macOS consistency have no meaning here; dockerd without them ignores them too. */
const ignoredModes = ['', 'z', 'Z', 'consistent', 'cached', 'delegated'];

/** `/host:/inside:ro`, `name:/inside`, `/inside`. */
export function parseBind(bind: string): MountSpec {
  const parts = bind.split(':');
  if (parts.length > 3 || parts.some((part, at) => part === '' && at < 2)) {
    throw new KindError('invalid', `invalid volume specification: '${bind}'`);
  }
  if (parts.length === 1) return { type: 'volume', target: cleanTarget(bind, bind), readOnly: false };
  const [source = '', target = '', mode = ''] = parts;
  const modes = parseModeList(mode, bind);
  const common = { target: cleanTarget(target, bind), readOnly: modes.readOnly };
  if (source.startsWith('/')) {
    return { type: 'bind', source: posix.normalize(source), ...common, propagation: modes.propagation, createSource: true };
  }
  checkVolumeName(source);
  if (modes.propagation)
    throw new KindError(
      'invalid',
      `invalid volume specification: '${bind}': invalid mount config for type "volume": field BindOptions must not be specified`,
    );
  return { type: 'volume', source, ...common, noCopy: modes.noCopy };
}

function parseModeList(
  mode: string,
  bind: string,
): { readonly readOnly: boolean; readonly noCopy: boolean; readonly propagation: string | undefined } {
  const words = mode.split(',');
  const unknown = words.find((word) => !['ro', 'rw', 'nocopy', ...propagations, ...ignoredModes].includes(word));
  if (unknown !== undefined) throw new KindError('invalid', `invalid volume specification: '${bind}': invalid mode: ${mode}`);
  return {
    readOnly: words.includes('ro'),
    noCopy: words.includes('nocopy'),
    propagation: words.find((word) => propagations.includes(word)),
  };
}

export function checkVolumeName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw new KindError(
    'invalid',
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}

function parseMount(mount: MountRequest): MountSpec {
  const { Type: type = '', Source: source = '' } = mount;
  if (!mount.Target) throw mountError(type, 'field Target must not be empty');
  checkExclusive(mount, type);
  const target = cleanTarget(mount.Target);
  const readOnly = mount.ReadOnly ?? false;
  if (type === 'bind') return parseBindMount(mount, source, target, readOnly);
  if (type === 'volume') return parseVolumeMount(mount, source, target, readOnly);
  if (type === 'tmpfs') return parseTmpfsMount(mount, source, target);
  if (type === 'image') throw mountError(type, 'image mounts are not supported by this engine');
  throw mountError(type, `mount type unknown`);
}

const optionsOf = { BindOptions: 'bind', VolumeOptions: 'volume', TmpfsOptions: 'tmpfs', ImageOptions: 'image' } as const;

/** Options of one type of mount mean nothing to another. */
function checkExclusive(mount: MountRequest, type: string): void {
  for (const [field, owner] of Object.entries(optionsOf)) {
    if (owner !== type && mount[field as keyof typeof optionsOf])
      throw new KindError('invalid', `${field} must not be specified on mount type "${type}"`);
  }
}

function parseBindMount(mount: MountRequest, source: string, target: string, readOnly: boolean): MountSpec {
  if (source === '') throw mountError('bind', 'field Source must not be empty');
  if (!source.startsWith('/')) throw mountError('bind', `invalid mount path: '${source}' mount path must be absolute`);
  const { Propagation: propagation, CreateMountpoint: createSource } = mount.BindOptions ?? {};
  if (propagation && !propagations.includes(propagation)) throw mountError('bind', `invalid propagation mode: ${propagation}`);
  const { NonRecursive: nonRecursive, ReadOnlyNonRecursive: shallow, ReadOnlyForceRecursive: deep } = mount.BindOptions ?? {};
  if (deep && !readOnly) throw mountError('bind', 'ReadOnlyForceRecursive requires ReadOnly');
  if (shallow && !readOnly) throw mountError('bind', 'ReadOnlyNonRecursive requires ReadOnly');
  if (deep && shallow) throw mountError('bind', 'ReadOnlyForceRecursive and ReadOnlyNonRecursive contradict each other');
  return {
    type: 'bind',
    source: posix.normalize(source),
    target,
    readOnly,
    propagation: propagation || undefined,
    createSource,
    ...(nonRecursive && { nonRecursive }),
    ...(shallow && { readOnlyNonRecursive: true }),
  };
}

function parseVolumeMount(mount: MountRequest, source: string, target: string, readOnly: boolean): MountSpec {
  const { NoCopy: noCopy, Subpath: subpath, DriverConfig: driver, Labels: labels } = mount.VolumeOptions ?? {};
  if (driver?.Name && driver.Name !== 'local')
    throw mountError('volume', `no volume driver named "${driver.Name}": this engine has "local"`);
  if (source !== '') checkVolumeName(source);
  return {
    type: 'volume',
    source: source || undefined,
    target,
    readOnly,
    noCopy,
    subpath: subpath || undefined,
    labels,
    driverOptions: driver?.Options,
  };
}

function parseTmpfsMount(mount: MountRequest, source: string, target: string): MountSpec {
  if (source !== '') throw mountError('tmpfs', 'field Source must not be specified');
  const { SizeBytes: size, Mode: mode, Options: options } = mount.TmpfsOptions ?? {};
  const words = [
    ...(size ? [`size=${size}`] : []),
    ...(mode ? [`mode=${mode.toString(8)}`] : []),
    ...(mount.ReadOnly ? ['ro'] : []),
    ...(options ?? []).map((option) => option.join('=')),
  ];
  return { type: 'tmpfs', target, options: words };
}

function tmpfs(target: string, options: string): MountSpec {
  const words = options === '' ? [] : options.split(',');
  const unknown = words.find((word) => !tmpfsFlags.has(word) && !tmpfsValues.has(/^(\w+)=./.exec(word)?.[1] ?? ''));
  if (unknown !== undefined) throw new KindError('invalid', `invalid tmpfs option ["${unknown}"]`);
  return { type: 'tmpfs', target, options: words };
}

function cleanTmpfsTarget(target: string): string {
  if (!target.startsWith('/')) throw new KindError('invalid', `invalid mount path: '${target}' mount path must be absolute`);
  return cleanTarget(target);
}

function cleanTarget(target: string, bind = target): string {
  const clean = posix.normalize(target).replace(/(.)\/$/, '$1');
  if (!clean.startsWith('/')) {
    throw new KindError(
      'invalid',
      `invalid volume specification: '${bind}': invalid mount config: invalid mount path: '${target}' mount path must be absolute`,
    );
  }
  if (clean === '/')
    throw new KindError(
      'invalid',
      `invalid volume specification: '${bind}': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    );
  return clean;
}

function mountError(type: string, message: string): KindError {
  return new KindError('invalid', `invalid mount config for type "${type}": ${message}`);
}

export function checkInheritedMode(mode: string): void {
  if (!['', 'ro', 'rw', 'z', 'Z'].includes(mode)) throw new KindError('invalid', `invalid mode: ${mode}`);
}

/** `--volumes-from other[:ro]`: what the other container has mounted. */
export function mountsFrom(container: Container, mode: string): readonly MountSpec[] {
  checkInheritedMode(mode);
  return container.mounts.flatMap((mount): readonly MountSpec[] => {
    const readOnly = mode === 'ro' || mount.readOnly;
    if (mount.type === 'bind') return [{ type: 'bind', source: mount.source, target: mount.target, readOnly }];
    if (mount.type === 'volume') return [{ type: 'volume', source: mount.name, target: mount.target, readOnly, noCopy: true }];
    return [];
  });
}
