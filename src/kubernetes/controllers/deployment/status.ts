import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { available, rolloutLimits, specReplicas, total } from './rollout.ts';

/** The status that follows from the ReplicaSets. `now`: RFC 3339, used only where something changed. */
export function deploymentStatus(
  deployment: Deployment,
  owned: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: string,
): DeploymentStatus {
  const availableReplicas = total(owned, available);
  const replicas = total(owned, (one) => one.status?.replicas ?? 0);
  const counts = {
    replicas,
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: total(owned, (one) => one.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, total(owned, specReplicas) - availableReplicas),
  };
  const conditions = [availableCondition(deployment, availableReplicas), progressCondition(deployment, counts, current)].flatMap(
    (condition) => (condition ? [timed(condition, deployment.status?.conditions ?? [], now)] : []),
  );
  return prune({
    observedGeneration: deployment.metadata.generation,
    ...counts,
    collisionCount: deployment.status?.collisionCount,
    conditions,
  });
}

type Untimed = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;
type Counts = Pick<DeploymentStatus, 'replicas' | 'updatedReplicas' | 'availableReplicas'>;

function availableCondition(deployment: Deployment, availableReplicas: number): Untimed {
  const isEnough = availableReplicas >= (deployment.spec?.replicas ?? 1) - rolloutLimits(deployment).unavailable;
  return isEnough
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

function progressCondition(deployment: Deployment, counts: Counts, current: ReplicaSet | undefined): Untimed | undefined {
  const before = deployment.status?.conditions?.find((condition) => condition.type === 'Progressing');
  if (deployment.spec?.paused)
    return { type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' };
  const name = current?.metadata.name;
  if (name === undefined) return before;
  const wanted = deployment.spec?.replicas ?? 1;
  const isDone = counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas === wanted;
  if (isDone)
    return {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${name}" has successfully progressed.`,
    };
  if (isStuck(deployment, counts)) {
    return {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: `ReplicaSet "${name}" has timed out progressing.`,
    };
  }
  return { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `ReplicaSet "${name}" is progressing.` };
}

/** No count has moved for spec.progressDeadlineSeconds. */
function isStuck(deployment: Deployment, counts: Counts): boolean {
  const before = deployment.status;
  const progress = before?.conditions?.find((condition) => condition.type === 'Progressing');
  const hasMoved =
    before?.updatedReplicas !== counts.updatedReplicas ||
    before?.availableReplicas !== counts.availableReplicas ||
    before?.replicas !== counts.replicas;
  if (!progress?.lastUpdateTime || hasMoved || progress.reason === 'NewReplicaSetAvailable') return false;
  return Date.now() - Date.parse(progress.lastUpdateTime) > (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000;
}

/** Keeps the times of a condition that says the same as before. */
function timed(condition: Untimed, before: readonly DeploymentCondition[], now: string): DeploymentCondition {
  const known = before.find((one) => one.type === condition.type);
  if (known && known.status === condition.status && known.reason === condition.reason && known.message === condition.message) return known;
  const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : now;
  return { ...condition, lastUpdateTime: now, lastTransitionTime };
}

/** Zero counts are left out, as upstream's encoding does. */
function prune(status: DeploymentStatus): DeploymentStatus {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined && value !== 0));
}
