import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KindError, systemCode } from '../../../base/errors.ts';
import type { PersistentVolume, Pod, Volume } from '../../../api/kubernetes/types.generated.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import { writePayload } from './atomic-writer.ts';
import { ownByGroup, type GroupOwnership } from './group-ownership.ts';
import { payloadOf, type PayloadSources } from './payload.ts';

export interface VolumeSources extends PayloadSources {
  /** Bound PersistentVolumes by claim name. Undefined: unbound or missing. */
  readonly persistentVolumes: ReadonlyMap<string, PersistentVolume | undefined>;
}

/** A volume that is ready on the host. */
export interface MountedVolume {
  readonly path: string;
  readonly readOnly: boolean;
}

/**
 * Makes a pod's volumes on this host, under `<root>/<uid>/volumes/<plugin>/<name>`, as upstream lays them out.
 * Repeating it brings configuration volumes up to date and changes nothing else.
 */
export class PodVolumes {
  readonly #root: string;
  readonly #kernel: Pick<Kernel, 'mounts'>;

  constructor(root: string, kernel: Pick<Kernel, 'mounts'>) {
    this.#root = root;
    this.#kernel = kernel;
  }

  directoryOf(uid: string): string {
    return join(this.#root, uid);
  }

  async mountAll(pod: Pod, sources: VolumeSources): Promise<ReadonlyMap<string, MountedVolume>> {
    const mounted = new Map<string, MountedVolume>();
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        mounted.set(volume.name, await this.#mount(pod, volume, sources));
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        throw new KindError('unavailable', `MountVolume.SetUp failed for volume "${volume.name}" : ${cause}`, { cause: error });
      }
    }
    return mounted;
  }

  /** Writes changed ConfigMaps, Secrets and downward API fields into a running pod's volumes. */
  async refresh(pod: Pod, sources: VolumeSources): Promise<void> {
    for (const volume of pod.spec?.volumes ?? []) {
      if (payloadPlugin(volume)) await this.#mount(pod, volume, sources);
    }
  }

  /** The file a container writes its last words to, empty for every attempt. */
  async terminationLog(uid: string, container: string, attempt: number): Promise<string> {
    const path = this.terminationLogPath(uid, container, attempt);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '');
    await chmod(path, 0o666);
    return path;
  }

  terminationLogPath(uid: string, container: string, attempt: number): string {
    return join(this.#root, uid, 'containers', container, String(attempt));
  }

  /** UIDs that have a directory here, of living and of gone pods. */
  async uids(): Promise<readonly string[]> {
    return readdir(this.#root).catch(() => []);
  }

  /** Unmounts and deletes all that a pod had; what lives elsewhere (hostPath, persistent volumes) stays. */
  async remove(uid: string): Promise<void> {
    const directory = this.directoryOf(uid);
    const inside = this.#kernel.mounts.list().filter((mount) => mount.target.startsWith(`${directory}/`));
    for (const mount of inside.toReversed()) this.#kernel.mounts.unmount(mount.target);
    await rm(directory, { recursive: true, force: true });
  }

  async #mount(pod: Pod, volume: Volume, sources: VolumeSources): Promise<MountedVolume> {
    const group = groupOf(pod);
    const plugin = payloadPlugin(volume);
    if (plugin) {
      const payload = payloadOf(pod, volume, sources) ?? new Map();
      const path = await this.#directory(pod, plugin, volume.name);
      if (plugin !== 'kubernetes.io~configmap') this.#tmpfs(path, ['size=1m', 'mode=0755']);
      await writePayload(path, payload, group && ((folder) => ownByGroup(folder, { ...group, readOnly: true })));
      return { path, readOnly: true };
    }
    if (volume.emptyDir) return { path: await this.#emptyDir(pod, volume, group), readOnly: false };
    if (volume.hostPath) return { path: await hostPath(volume.hostPath.path, volume.hostPath.type ?? ''), readOnly: false };
    if (volume.persistentVolumeClaim) {
      const { claimName, readOnly = false } = volume.persistentVolumeClaim;
      const persistent = sources.persistentVolumes.get(claimName);
      const path = await persistentPath(claimName, persistent);
      // Upstream leaves hostPath alone. Here it gets the group once: what programs then make narrower inside stays (PostgreSQL insists).
      const onRootMismatch = group?.onRootMismatch === true || persistent?.spec?.hostPath !== undefined;
      if (group && !readOnly) await ownByGroup(path, { ...group, onRootMismatch });
      return { path, readOnly };
    }
    const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
    throw new KindError('notImplemented', `volume type ${kind} is not supported by this node`);
  }

  async #emptyDir(pod: Pod, volume: Volume, group: GroupOwnership | undefined): Promise<string> {
    const path = await this.#directory(pod, 'kubernetes.io~empty-dir', volume.name);
    if (volume.emptyDir?.medium === 'Memory') {
      const size = volume.emptyDir.sizeLimit;
      this.#tmpfs(path, [...(size === undefined ? [] : [`size=${Math.floor(quantityOf(size))}`]), 'mode=0777']);
    }
    const { gid, mode } = await stat(path);
    // Given once, as upstream: what programs make narrower inside stays so when a container starts again.
    if (group?.gid === gid && (mode & 0o2000) !== 0) return path;
    await chmod(path, 0o777);
    if (group) await ownByGroup(path, group);
    return path;
  }

  async #directory(pod: Pod, plugin: string, name: string): Promise<string> {
    const path = join(this.#root, pod.metadata.uid ?? '', 'volumes', plugin, name);
    await mkdir(path, { recursive: true });
    return path;
  }

  #tmpfs(target: string, options: readonly string[]): void {
    if (this.#kernel.mounts.list().some((mount) => mount.target === target)) return;
    this.#kernel.mounts.mount({ type: 'tmpfs', source: 'tmpfs', target, options });
  }
}

function payloadPlugin(volume: Volume): string | undefined {
  if (volume.configMap) return 'kubernetes.io~configmap';
  if (volume.secret) return 'kubernetes.io~secret';
  if (volume.downwardAPI) return 'kubernetes.io~downward-api';
  return volume.projected ? 'kubernetes.io~projected' : undefined;
}

/** kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types */
async function hostPath(path: string, type: string): Promise<string> {
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === 'FileOrCreate') await writeFile(path, '', { flag: 'a', mode: 0o644 });
  if (type === '') return path;
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  const checks: Readonly<Record<string, boolean | undefined>> = {
    Directory: found?.isDirectory(),
    DirectoryOrCreate: found?.isDirectory(),
    File: found?.isFile(),
    FileOrCreate: found?.isFile(),
    Socket: found?.isSocket(),
    CharDevice: found?.isCharacterDevice(),
    BlockDevice: found?.isBlockDevice(),
  };
  if (!checks[type])
    throw new KindError('invalid', `hostPath type check failed: ${path} is not a ${type.replace('OrCreate', '').toLowerCase()}`);
  return path;
}

async function persistentPath(claim: string, volume: PersistentVolume | undefined): Promise<string> {
  if (!volume) throw new KindError('unavailable', `persistentvolumeclaim "${claim}" is not bound`);
  const path = volume.spec?.hostPath?.path ?? volume.spec?.local?.path;
  if (!path) throw new KindError('notImplemented', `persistent volume "${volume.metadata.name}" is neither hostPath nor local`);
  if (volume.spec?.hostPath) await mkdir(path, { recursive: true });
  return path;
}

/** Undefined: the pod has no fsGroup. */
function groupOf(pod: Pod): GroupOwnership | undefined {
  const { fsGroup, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
  if (fsGroup === undefined) return undefined;
  return { gid: fsGroup, readOnly: false, onRootMismatch: fsGroupChangePolicy === 'OnRootMismatch' };
}
