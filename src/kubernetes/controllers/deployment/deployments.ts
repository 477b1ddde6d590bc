import { deployments, replicaSets } from '../../../api/kubernetes/kinds.ts';
import type { Deployment, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import { claimOwned, getIfExists, isEqual } from '../owned.ts';
import { type Context, controllerKey, ownKey, type Reconciler } from '../reconciler.ts';
import { type DeploymentPlan, planDeployment, revisionAnnotation } from './plan.ts';
import { deploymentStatus } from './status.ts';
import { findNew } from './template.ts';

export const deploymentController: Reconciler = {
  name: 'deployment-controller',
  triggers: [
    { kind: deployments, keysOf: ownKey },
    { kind: replicaSets, keysOf: controllerKey('Deployment') },
  ],
  async reconcile(context, key) {
    const { client } = context;
    const deployment = await getIfExists(client, deployments, key);
    if (!deployment?.spec) return undefined;
    const owned = await claimOwned(client, deployment, replicaSets, deployment.spec.selector);
    if (!deployment.metadata.deletionTimestamp) await act(context, deployment, owned, planDeployment(deployment, owned));
    return writeStatus(context, key);
  },
};

async function act(context: Context, deployment: Deployment, owned: readonly ReplicaSet[], plan: DeploymentPlan): Promise<void> {
  const { client, record } = context;
  if (plan.create && !(await createReplicaSet(context, deployment, plan.create))) return;
  for (const replicaSet of owned) {
    const name = replicaSet.metadata.name ?? '';
    const replicas = plan.scale.get(name);
    const annotations = plan.annotate.get(name);
    if (replicas === undefined && annotations === undefined) continue;
    const spec = { ...replicaSet.spec, selector: replicaSet.spec?.selector ?? {}, ...(replicas === undefined ? {} : { replicas }) };
    const metadata = { ...replicaSet.metadata, ...(annotations === undefined ? {} : { annotations }) };
    await client.update(replicaSets, { ...replicaSet, metadata, spec });
    if (replicas === undefined) continue;
    const before = replicaSet.spec?.replicas ?? 1;
    record(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${replicas > before ? 'up' : 'down'} replica set ${name} from ${before} to ${replicas}`,
    );
  }
  for (const name of plan.remove)
    await client.delete(replicaSets, { namespace: deployment.metadata.namespace, name }, { propagationPolicy: 'Background' });
  if (plan.revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === plan.revision) return;
  const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: plan.revision };
  await client.update(deployments, { ...deployment, metadata: { ...deployment.metadata, annotations } });
}

/** False: its name is taken by another, so that the template gets a new hash, which is the next round's. */
async function createReplicaSet(context: Context, deployment: Deployment, replicaSet: ReplicaSet): Promise<boolean> {
  const { client, record } = context;
  const { name, namespace = '' } = replicaSet.metadata;
  try {
    await client.create(replicaSets, replicaSet);
  } catch (error) {
    if (!isKind(error, 'alreadyExists')) throw error;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    const existing = await getIfExists(client, replicaSets, { namespace, name: name ?? '' });
    const isOwn = existing?.metadata.ownerReferences?.some(({ uid }) => uid === deployment.metadata.uid) === true;
    if (existing && isOwn && findNew(deployment, [existing])) return true;
    await client.update(deployments, { ...deployment, status: { ...deployment.status, collisionCount } }, 'status');
    return false;
  }
  record(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicaSet.spec?.replicas ?? 0}`);
  return true;
}

/** From what is there after acting; comes back when a progress deadline may pass meanwhile. */
async function writeStatus(
  context: Context,
  key: { readonly namespace?: string; readonly name: string },
): Promise<{ requeueAfterMs: number } | undefined> {
  const deployment = await getIfExists(context.client, deployments, key);
  if (!deployment) return undefined;
  const { items } = await context.client.list(replicaSets, { namespace: key.namespace });
  const owned = items.filter((one) =>
    one.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === deployment.metadata.uid),
  );
  const now = new Date(context.now()).toISOString().replace(/\.\d+/, '');
  const status = deploymentStatus(deployment, owned, findNew(deployment, owned), now);
  if (!isEqual(status, deployment.status)) await context.client.update(deployments, { ...deployment, status }, 'status');
  const isProgressing = status.conditions?.some(({ type, reason }) => type === 'Progressing' && reason === 'ReplicaSetUpdated');
  return isProgressing ? { requeueAfterMs: (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000 + 1000 } : undefined;
}
