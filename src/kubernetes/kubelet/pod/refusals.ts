import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { allContainers } from './all-containers.ts';

/** Throws `notImplemented` for what would otherwise be ignored: a pod that runs with less separation than it asked for is worse than none. */
export function refuseUnknown(pod: Pod): void {
  const { hostUsers, runtimeClassName, securityContext = {} } = pod.spec ?? {};
  const refuse = (what: string): never => {
    throw new KindError('notImplemented', `${what} is not supported by this node`);
  };
  if (hostUsers === false) refuse('hostUsers: false (a user namespace)');
  if (runtimeClassName) refuse(`RuntimeClass "${runtimeClassName}"`);
  if (securityContext.supplementalGroupsPolicy === 'Strict' && securityContext.runAsGroup === undefined)
    refuse('supplementalGroupsPolicy: Strict without runAsGroup');
  const profiles = [securityContext.appArmorProfile, ...allContainers(pod).map((each) => each.securityContext?.appArmorProfile)];
  if (profiles.some((profile) => profile !== undefined && profile.type !== 'Unconfined')) refuse('appArmorProfile');
  for (const { name, volumeDevices = [], volumeMounts = [] } of allContainers(pod)) {
    if (volumeDevices.length > 0) refuse(`a block device (volumeDevices of container "${name}")`);
    if (volumeMounts.some(({ recursiveReadOnly }) => recursiveReadOnly === 'Enabled'))
      refuse(`recursiveReadOnly: Enabled (of container "${name}")`);
  }
}
