import {
  cronJobs,
  deployments,
  jobs,
  pods,
  replicaSets,
  statefulSets,
  type Kind,
  type KubernetesObject,
} from '../../api/kubernetes/kinds.ts';
import type { CronJob, DaemonSet, Deployment, Job, Pod, ReplicaSet, StatefulSet } from '../../api/kubernetes/types.generated.ts';
import { lastWarning, patch, referenceTo, type Facts, type Finding } from './finding.ts';
import { refusalOf } from './refusals.ts';

const revision = 'deployment.kubernetes.io/revision';

export async function stuckDeployment(facts: Facts, deployment: Deployment): Promise<Finding | undefined> {
  const { metadata, spec, status = {} } = deployment;
  const self = referenceTo(deployments, deployment);
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return unseen;
  const wanted = spec?.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status;
  if (updatedReplicas >= wanted && availableReplicas >= wanted && replicas <= updatedReplicas) return undefined;
  if (spec?.paused && updatedReplicas < wanted)
    return {
      text: 'its roll-out is paused',
      fix: { text: 'let it go on', command: `kubectl rollout resume deployment ${self.name} -n ${self.namespace}` },
    };
  const sets = (await ownedBy(facts, replicaSets, deployment)).toSorted((a, b) => revisionOf(b) - revisionOf(a));
  const [newest, ...older] = sets;
  const text = `${updatedReplicas} of ${wanted} replicas are of the newest form, ${availableReplicas} are available`;
  if (!newest) return { text: `${text}: it has no replica set yet` };
  const isNewestDone = (newest.status?.readyReplicas ?? 0) >= wanted;
  const waitsFor = isNewestDone ? (older.find(({ status: one }) => (one?.replicas ?? 0) > 0) ?? newest) : newest;
  return { text, next: referenceTo(replicaSets, waitsFor) };
}

const revisionOf = ({ metadata }: ReplicaSet): number => Number(metadata.annotations?.[revision] ?? 0);

export async function stuckReplicaSet(facts: Facts, set: ReplicaSet): Promise<Finding | undefined> {
  return missingPods(facts, set, set.spec?.replicas ?? 1);
}

export async function stuckStatefulSet(facts: Facts, set: StatefulSet): Promise<Finding | undefined> {
  const { spec, status } = set;
  if ((status?.observedGeneration ?? 0) < (set.metadata.generation ?? 0)) return unseen;
  const held = await missingPods(facts, set, spec?.replicas ?? 1);
  if (held) return held;
  const { updateRevision, currentRevision } = status ?? {};
  if (updateRevision === currentRevision) return undefined;
  const old = (await ownedBy(facts, pods, set)).filter(({ metadata }) => metadata.labels?.['controller-revision-hash'] !== updateRevision);
  if (spec?.updateStrategy?.type === 'OnDelete' && old.length > 0) {
    const names = old.map(({ metadata }) => metadata.name).join(' ');
    const fix = { text: 'replace them', command: `kubectl delete pod ${names} -n ${set.metadata.namespace}` };
    return {
      text: `${old.length} pods are of the older form: with updateStrategy OnDelete they are replaced when somebody deletes them`,
      fix,
    };
  }
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  if (partition === 0 || old.length === 0) return undefined;
  const body = { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } };
  return {
    text: `its roll-out stops at partition ${partition}: ${old.length} pods keep the older form`,
    fix: patch('let it go on to all', referenceTo(statefulSets, set), body),
  };
}

export async function stuckDaemonSet(facts: Facts, set: DaemonSet): Promise<Finding | undefined> {
  if ((set.status?.observedGeneration ?? 0) < (set.metadata.generation ?? 0)) return unseen;
  return missingPods(facts, set, set.status?.desiredNumberScheduled ?? 0);
}

export async function stuckJob(facts: Facts, job: Job): Promise<Finding | undefined> {
  const conditions = job.status?.conditions ?? [];
  if (conditions.some(({ type, status }) => type === 'Complete' && status === 'True')) return undefined;
  const self = referenceTo(jobs, job);
  const failed = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  if (failed)
    return {
      text: `it has failed: ${failed.reason}: ${failed.message}`,
      fix: { text: 'take it away, then make it again', command: `kubectl delete job ${self.name} -n ${self.namespace}` },
    };
  if (job.spec?.suspend) return { text: 'it is suspended', fix: patch('let it run', self, { spec: { suspend: false } }) };
  return missingPods(facts, job, Math.min(job.spec?.parallelism ?? 1, job.spec?.completions ?? Infinity));
}

export async function stuckCronJob(_: Facts, cron: CronJob): Promise<Finding | undefined> {
  if (!cron.spec?.suspend) return undefined;
  return { text: 'it is suspended', fix: patch('let it start jobs', referenceTo(cronJobs, cron), { spec: { suspend: false } }) };
}

const unseen: Finding = {
  text: 'its controller has not seen its newest form',
  fix: { text: 'see whether davit’s server runs', command: 'davit status' },
};

/** Pods that should be there and are not, or are not ready. A suspended or finished owner wants none. */
async function missingPods(facts: Facts, owner: KubernetesObject, wanted: number): Promise<Finding | undefined> {
  const own = (await ownedBy(facts, pods, owner)).toSorted((a, b) => ordinalOf(a) - ordinalOf(b));
  const active = own.filter(
    ({ metadata, status }) => !metadata.deletionTimestamp && !['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  );
  const unready = active.find((pod) => !isReady(pod));
  if (active.length < wanted) {
    const refused = await lastWarning(facts, owner, 'FailedCreate');
    if (refused) return refusalOf(facts, owner.metadata.namespace ?? '', refused.message ?? '', wanted - active.length);
    const going = own.find(({ metadata }) => metadata.deletionTimestamp);
    if (!unready && going) return { text: `pod ${going.metadata.name} is still on its way out`, next: referenceTo(pods, going) };
  }
  const ready = active.filter(isReady).length;
  if (unready) return { text: `${ready} of ${wanted} pods are ready`, next: referenceTo(pods, unready) };
  return active.length < wanted
    ? { text: `${active.length} of ${wanted} pods are there, and nothing says why no more are made` }
    : undefined;
}

/** Of a StatefulSet the first ordinal holds up the others. */
const ordinalOf = ({ metadata }: Pod): number => Number(/-(\d+)$/.exec(metadata.name ?? '')?.[1] ?? 0);

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
}

async function ownedBy<T extends KubernetesObject>(
  { reader }: Facts,
  kind: Kind<T>,
  { metadata }: KubernetesObject,
): Promise<readonly T[]> {
  const all = await reader.list(kind, metadata.namespace);
  return all.filter((one) => one.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === metadata.uid));
}
