import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { ContainerSpec } from '../../../engine/containers/container.ts';
import { KindError } from '../../../base/errors.ts';

/** Who and with which rights a container runs. `imageUser` as in the image's config: `appuser`, `1000:1000` or empty. */
export function securityOf(pod: Pod, container: Container, imageUser: string): Partial<ContainerSpec> {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  if (own.runAsNonRoot ?? shared.runAsNonRoot) requireNonRoot(pod, container, user, imageUser);
  const profile = own.seccompProfile ?? shared.seccompProfile;
  if (profile?.type === 'Localhost') throw new KindError('notImplemented', 'seccompProfile.type Localhost is not supported by this node');
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])].map(String);
  return {
    ...(userOf(user, group, imageUser) === undefined ? {} : { user: userOf(user, group, imageUser) }),
    ...(groups.length > 0 ? { groupAdd: groups } : {}),
    ...(own.capabilities?.add ? { capAdd: own.capabilities.add } : {}),
    ...(own.capabilities?.drop ? { capDrop: own.capabilities.drop } : {}),
    privileged: own.privileged ?? false,
    readonlyRoot: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    // As a kubelet with --seccomp-default: RuntimeDefault unless the pod says otherwise.
    seccomp: own.privileged || profile?.type === 'Unconfined' ? 'unconfined' : 'default',
  };
}

function userOf(user: number | undefined, group: number | undefined, imageUser: string): string | undefined {
  if (user !== undefined) return group === undefined ? String(user) : `${user}:${group}`;
  if (group === undefined) return undefined;
  return `${imageUser.split(':')[0] || '0'}:${group}`;
}

/** Texts as the kubelet's verifyRunAsNonRoot; the container waits with CreateContainerConfigError. */
function requireNonRoot(pod: Pod, container: Container, user: number | undefined, imageUser: string): void {
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (user !== undefined) {
    if (user === 0) throw new KindError('invalid', `container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  const name = imageUser.split(':')[0] ?? '';
  if (name === '' || name === '0') throw new KindError('invalid', `container has runAsNonRoot and image will run as root ${where}`);
  if (!/^\d+$/.test(name)) {
    throw new KindError(
      'invalid',
      `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${where}`,
    );
  }
}
