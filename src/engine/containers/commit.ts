import type { ImageConfig } from '../../api/oci/image.ts';
import { applyChanges } from '../build/changes.ts';
import type { Images } from '../images/images.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { CommitOptions } from './containers.ts';
import type { ContainerRecord } from './record.ts';

/** `docker commit`: the writable layer becomes one more layer, the container's settings the image's. */
export async function commitContainer(
  parts: { readonly images: Images; readonly snapshots: Snapshots },
  record: ContainerRecord,
  options: CommitOptions,
): Promise<string> {
  const base = (await parts.images.get(record.imageId)).config;
  const { diffId } = await parts.snapshots.commit(record.id);
  const created = new Date().toISOString();
  const { spec } = record;
  const run = {
    ...base.config,
    Env: record.env,
    User: record.user,
    WorkingDir: record.workingDirectory,
    Labels: record.labels,
    StopSignal: record.stopSignal,
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint }),
    ...(spec.command && { Cmd: spec.command }),
    ...(spec.healthcheck && { Healthcheck: spec.healthcheck }),
    ...merged('ExposedPorts', base.config.ExposedPorts, spec.exposedPorts ?? []),
    ...merged('Volumes', base.config.Volumes, anonymousOf(record)),
  };
  const config: ImageConfig = {
    ...base,
    created,
    ...(options.author && { author: options.author }),
    config: applyChanges(run, options.changes ?? []),
    rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, diffId] },
    history: [
      ...(base.history ?? []),
      {
        created,
        created_by: [record.path, ...record.args].join(' '),
        ...(options.author && { author: options.author }),
        ...(options.message && { comment: options.message }),
      },
    ],
  };
  const image = await parts.images.create(config, { ...(options.reference && { names: [options.reference] }), parent: record.imageId });
  return image.id;
}

/** The image's and the container's own, as the set that an image has them in. */
function merged(name: string, ofImage: Readonly<Record<string, object>> | undefined, own: readonly string[]): object {
  const all = [...Object.keys(ofImage ?? {}), ...own];
  return all.length > 0 ? { [name]: Object.fromEntries(all.map((key) => [key, {}])) } : {};
}

/** Targets of the volumes that the container asked for without a name. */
function anonymousOf({ spec }: ContainerRecord): readonly string[] {
  return (spec.mounts ?? []).flatMap((mount) => (mount.type === 'volume' && mount.source === undefined ? [mount.target] : []));
}
