import * as kinds from '../../../api/kubernetes/kinds.ts';
import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import type {
  DaemonSet,
  Deployment,
  EndpointSlice,
  Job,
  LabelSelector,
  Node,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  Service,
  StatefulSet,
} from '../../../api/kubernetes/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { placementOn } from '../daemonset/placement.ts';
import { controllerOf, isActive, isReady } from '../pod-facts.ts';

type Check = (object: KubernetesObject, holds: boolean, what: string) => void;

interface World {
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly sets: readonly ReplicaSet[];
  readonly slices: readonly EndpointSlice[];
  /** The pods that an object controls and that count. */
  readonly activeOf: (owner: KubernetesObject) => readonly Pod[];
  /** Ready pods that count, by their labels. */
  readonly behind: (selector: LabelSelector) => readonly Pod[];
}

/** Everything that is not as it must be when nothing happens any more; empty: all is well. */
export async function violations(client: Client): Promise<readonly string[]> {
  const list = async <T extends KubernetesObject>(kind: Kind<T>): Promise<readonly T[]> => (await client.list(kind)).items;
  const pods = await list(kinds.pods);
  const world: World = {
    pods,
    nodes: await list(kinds.nodes),
    sets: await list(kinds.replicaSets),
    slices: await list(kinds.endpointSlices),
    activeOf: (owner) => pods.filter((pod) => isActive(pod) && controllerOf(pod)?.uid === owner.metadata.uid),
    behind: (selector) => pods.filter((pod) => isActive(pod) && isReady(pod) && matchesLabels(selector, pod.metadata.labels ?? {})),
  };
  const wrong: string[] = [];
  const check: Check = (object, holds, what) => {
    if (!holds) wrong.push(`${object.kind} ${object.metadata.name}: ${what}`);
  };
  const controllers = [
    ...(await list(kinds.replicationControllers)),
    ...(await list(kinds.deployments)),
    ...(await list(kinds.statefulSets)),
    ...(await list(kinds.daemonSets)),
    ...(await list(kinds.jobs)),
    ...(await list(kinds.services)),
  ];
  const made = [...world.pods, ...world.sets, ...world.slices, ...(await list(kinds.controllerRevisions))];
  checkOwners([...controllers, ...made], check);
  for (const pod of world.pods) checkPod(pod, world, check);
  for (const set of world.sets) checkReplicas(set, world, check);
  for (const set of await list(kinds.replicationControllers)) checkReplicas(set as ReplicaSet, world, check);
  for (const deployment of await list(kinds.deployments)) checkDeployment(deployment, world, check);
  for (const set of await list(kinds.statefulSets)) checkStatefulSet(set, world, check);
  for (const set of await list(kinds.daemonSets)) checkDaemonSet(set, world, check);
  for (const job of await list(kinds.jobs)) checkJob(job, world, check);
  for (const service of await list(kinds.services)) checkService(service, world, check);
  for (const budget of await list(kinds.podDisruptionBudgets)) checkBudget(budget, world, check);
  return wrong;
}

function checkOwners(objects: readonly KubernetesObject[], check: Check): void {
  const uids = new Set(objects.map(({ metadata }) => metadata.uid));
  for (const object of objects) {
    const owner = controllerOf(object);
    check(object, !object.metadata.deletionTimestamp, 'is still being deleted');
    check(object, owner === undefined || uids.has(owner.uid), `its owner ${owner?.kind} ${owner?.name} is gone`);
  }
}

function checkPod(pod: Pod, { nodes }: World, check: Check): void {
  check(pod, !pod.metadata.finalizers?.length, `keeps finalizers ${pod.metadata.finalizers?.join()}`);
  if (!isActive(pod)) return;
  const isThere = nodes.some(({ metadata }) => metadata.name === pod.spec?.nodeName);
  check(pod, isThere, `is on no node: ${pod.spec?.nodeName}`);
  check(pod, pod.status?.phase === 'Running', `is ${pod.status?.phase}`);
}

function checkReplicas(set: ReplicaSet, { activeOf }: World, check: Check): void {
  const wanted = set.spec?.replicas ?? 1;
  const active = activeOf(set).length;
  const { replicas = 0, readyReplicas = 0, observedGeneration } = set.status ?? {};
  check(set, active === wanted, `${active} pods of ${wanted}`);
  check(set, replicas === wanted && readyReplicas === wanted, `its status says ${replicas} replicas, ${readyReplicas} ready of ${wanted}`);
  check(set, observedGeneration === set.metadata.generation, 'its status is of an older generation');
}

function checkDeployment(deployment: Deployment, { sets }: World, check: Check): void {
  const own = sets.filter((set) => controllerOf(set)?.uid === deployment.metadata.uid);
  const wanted = deployment.spec?.replicas ?? 1;
  const total = own.reduce((sum, { spec }) => sum + (spec?.replicas ?? 0), 0);
  const { observedGeneration, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  check(deployment, observedGeneration === deployment.metadata.generation, 'its status is of an older generation');
  check(deployment, replicas === total, `its status says ${replicas} replicas of ${total}`);
  // Held where it was when it was paused.
  if (deployment.spec?.paused) return;
  const imageOf = ({ spec }: Deployment | ReplicaSet): string | undefined => spec?.template?.spec?.containers[0]?.image;
  // Adopted ones may have been given the same template: one of them is used.
  const isOneWhole = own.some((set) => imageOf(set) === imageOf(deployment) && set.spec?.replicas === wanted);
  check(deployment, isOneWhole && total === wanted, `its ReplicaSets have ${total} replicas, not ${wanted} of its template`);
  const says = `its status says ${updatedReplicas} updated, ${availableReplicas} available of ${wanted}`;
  check(deployment, updatedReplicas === wanted && availableReplicas === wanted, says);
  check(deployment, own.length <= 1 + (deployment.spec?.revisionHistoryLimit ?? 10), `${own.length} ReplicaSets are kept`);
}

function checkStatefulSet(set: StatefulSet, { activeOf }: World, check: Check): void {
  const wanted = set.spec?.replicas ?? 1;
  const active = activeOf(set);
  const found = active.map(({ metadata }) => metadata.name).toSorted();
  const names = Array.from({ length: wanted }, (_, index) => `${set.metadata.name}-${index}`);
  check(set, found.join() === names.join(), `its pods are ${found.join()}, not ${names.join()}`);
  const { replicas, readyReplicas = 0, updateRevision, currentRevision } = set.status ?? {};
  check(set, replicas === wanted && readyReplicas === wanted, `its status says ${replicas} replicas, ${readyReplicas} ready of ${wanted}`);
  check(set, updateRevision === currentRevision, `its revisions differ: ${currentRevision} and ${updateRevision}`);
  const old = active.filter(({ metadata }) => metadata.labels?.['controller-revision-hash'] !== updateRevision);
  check(set, old.length === 0, `${old.length} pods are of an older revision`);
}

function checkDaemonSet(set: DaemonSet, { activeOf, nodes }: World, check: Check): void {
  const wanted = nodes.filter((node) => placementOn(set, node).shouldRun).map(({ metadata }) => metadata.name);
  const allowed = nodes.filter((node) => placementOn(set, node).mayStay).map(({ metadata }) => metadata.name);
  const found = activeOf(set).map(({ spec }) => spec?.nodeName);
  const isRight = new Set(found).size === found.length && wanted.every((name) => found.includes(name));
  check(set, isRight && found.every((name) => allowed.includes(name)), `on ${found.join()}, wanted on ${wanted.join()}`);
  const { desiredNumberScheduled, numberReady = 0 } = set.status ?? {};
  const says = `its status says ${numberReady} of ${desiredNumberScheduled}, not ${wanted.length}`;
  check(set, desiredNumberScheduled === wanted.length && numberReady >= wanted.length, says);
}

function checkJob(job: Job, { activeOf }: World, check: Check): void {
  const { completions = 1 } = job.spec ?? {};
  const { succeeded = 0, active = 0, conditions = [], uncountedTerminatedPods } = job.status ?? {};
  const isComplete = conditions.some(({ type, status }) => type === 'Complete' && status === 'True');
  check(job, isComplete && succeeded >= completions && active === 0, `is not complete: ${JSON.stringify(job.status)}`);
  const { succeeded: uncounted = [], failed = [] } = uncountedTerminatedPods ?? {};
  check(job, uncounted.length + failed.length === 0, 'pods are not counted');
  check(job, activeOf(job).length === 0, 'pods of it run on');
}

function checkService(service: Service, { slices, behind }: World, check: Check): void {
  if (!service.spec?.selector) return;
  const own = slices.filter((slice) => controllerOf(slice)?.uid === service.metadata.uid);
  const found = own.flatMap(({ endpoints = [] }) => endpoints.flatMap(({ targetRef }) => targetRef?.name ?? [])).toSorted();
  const names = behind({ matchLabels: service.spec.selector }).map(({ metadata }) => metadata.name);
  check(service, found.join() === names.toSorted().join(), `its endpoints are ${found.join()}, not ${names.join()}`);
}

function checkBudget(budget: PodDisruptionBudget, { behind }: World, check: Check): void {
  const healthy = behind(budget.spec?.selector ?? {}).length;
  check(budget, budget.status?.currentHealthy === healthy, `counts ${budget.status?.currentHealthy} healthy pods of ${healthy}`);
}
