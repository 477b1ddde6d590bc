import { seconds, timeText } from '../../api/docker/time.ts';
import type { RunConfig } from '../../api/oci/image.ts';
import type { Image, ImageHistory, ImageRemoval } from '../../engine/images/images.ts';

/** One row of `GET /images/json`. -1: not computed. */
export function imageSummary(image: Image, { containers, sharedBytes }: { readonly containers: number; readonly sharedBytes: number }) {
  return {
    Id: image.id,
    ParentId: image.parent ?? '',
    RepoTags: image.names,
    RepoDigests: image.digests,
    Created: createdSeconds(image.config.created),
    Size: image.bytes,
    SharedSize: sharedBytes,
    Labels: image.config.config.Labels ?? null,
    Containers: containers,
  };
}

export function imageInspect(image: Image) {
  const { config } = image;
  const last = config.history?.at(-1);
  return {
    Id: image.id,
    RepoTags: image.names,
    RepoDigests: image.digests,
    Parent: image.parent ?? '',
    Comment: last?.comment ?? '',
    Created: config.created ?? timeText(undefined),
    DockerVersion: '',
    Author: config.author ?? '',
    Config: runConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: image.bytes,
    GraphDriver: { Name: 'overlay2', Data: null },
    RootFS: { Type: 'layers', ...(config.rootfs.diff_ids.length > 0 ? { Layers: config.rootfs.diff_ids } : {}) },
    Metadata: { LastTagTime: timeText(image.taggedAt) },
  };
}

/** dockerd gives the fields that every image has and leaves out the empty rest. */
function runConfig(config: RunConfig) {
  return {
    Hostname: '',
    Domainname: '',
    User: config.User ?? '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    Image: '',
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.ExposedPorts ? { ExposedPorts: config.ExposedPorts } : {}),
    ...(config.Volumes ? { Volumes: config.Volumes } : { Volumes: null }),
    ...(config.Healthcheck ? { Healthcheck: config.Healthcheck } : {}),
    ...(config.StopSignal ? { StopSignal: config.StopSignal } : {}),
    ...(config.Shell ? { Shell: config.Shell } : {}),
  };
}

/** Newest step first. */
export function imageHistory(step: ImageHistory) {
  return {
    Id: step.id ?? '<missing>',
    Created: createdSeconds(step.created),
    CreatedBy: step.created_by ?? '',
    Tags: step.names.length > 0 ? step.names : null,
    Size: step.bytes,
    Comment: step.comment ?? '',
  };
}

export function imageRemoval(removal: ImageRemoval) {
  return 'untagged' in removal ? { Untagged: removal.untagged } : { Deleted: removal.deleted };
}

function createdSeconds(created: string | undefined): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? 0 : seconds(new Date(time));
}
