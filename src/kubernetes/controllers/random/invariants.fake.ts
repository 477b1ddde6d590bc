import * as kinds from '../../../api/kubernetes/kinds.ts';
import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { placementOn } from '../daemonset/placement.ts';
import { controllerOf, isActive, isReady } from '../pod-facts.ts';
import { namespace } from './operations.fake.ts';

type All<T extends KubernetesObject> = readonly T[];

/** Everything that is not as it must be when nothing happens any more; empty: all is well. */
export async function violations(client: Client): Promise<readonly string[]> {
  const list = async <T extends KubernetesObject>(kind: Kind<T>): Promise<All<T>> => (await client.list(kind)).items;
  const [pods, sets, nodes] = await Promise.all([list(kinds.pods), list(kinds.replicaSets), list(kinds.nodes)]);
  const owned = (owner: KubernetesObject): readonly Pod[] => pods.filter((pod) => controllerOf(pod)?.uid === owner.metadata.uid);
  const wrong: string[] = [];
  const check = (object: KubernetesObject, holds: boolean, what: string): void => {
    if (!holds) wrong.push(`${object.kind} ${object.metadata.name}: ${what}`);
  };

  const everything = [...pods, ...sets, ...(await list(kinds.deployments)), ...(await list(kinds.statefulSets))];
  const others = [kinds.replicationControllers, kinds.daemonSets, kinds.jobs, kinds.controllerRevisions, kinds.endpointSlices] as const;
  for (const kind of others) everything.push(...((await list(kind as Kind)) as never[]));
  const uids = new Set([...everything, ...(await list(kinds.services))].map(({ metadata }) => metadata.uid));
  for (const object of everything) {
    const owner = controllerOf(object);
    check(object, !object.metadata.deletionTimestamp, 'is still being deleted');
    check(object, owner === undefined || uids.has(owner.uid) || owner.kind === 'Node', `its owner ${owner?.kind} ${owner?.name} is gone`);
  }
  for (const pod of pods.filter(isActive)) {
    check(pod, nodes.some(({ metadata }) => metadata.name === pod.spec?.nodeName), `is on no node: ${pod.spec?.nodeName}`);
    check(pod, pod.status?.phase === 'Running', `is ${pod.status?.phase}`);
  }
  for (const set of [...sets, ...(await list(kinds.replicationControllers))] as All<ReplicaSet>) {
    const active = owned(set).filter(isActive);
    const wanted = set.spec?.replicas ?? 1;
    check(set, active.length === wanted, `${active.length} pods of ${wanted}`);
    const { replicas = 0, readyReplicas = 0, observedGeneration } = set.status ?? {};
    check(set, replicas === wanted && readyReplicas === wanted, `its status says ${replicas} replicas, ${readyReplicas} ready of ${wanted}`);
    check(set, observedGeneration === set.metadata.generation, 'its status is of an older generation');
  }
  for (const deployment of await list(kinds.deployments)) checkDeployment(deployment, sets, check);
  for (const set of await list(kinds.statefulSets)) {
    const wanted = set.spec?.replicas ?? 1;
    const found = owned(set).filter(isActive).map(({ metadata }) => metadata.name).toSorted();
    const names = Array.from({ length: wanted }, (_, index) => `${set.metadata.name}-${index}`);
    check(set, found.join() === names.join(), `its pods are ${found.join()}, not ${names.join()}`);
    const { replicas, readyReplicas = 0, updateRevision, currentRevision } = set.status ?? {};
    check(set, replicas === wanted && readyReplicas === wanted, `its status says ${replicas} replicas, ${readyReplicas} ready of ${wanted}`);
    check(set, updateRevision === currentRevision, `its revisions differ: ${currentRevision} and ${updateRevision}`);
    const old = owned(set).filter((pod) => isActive(pod) && pod.metadata.labels?.['controller-revision-hash'] !== updateRevision);
    check(set, old.length === 0, `${old.length} pods are of an older revision`);
  }
  for (const set of await list(kinds.daemonSets)) {
    const wanted = nodes.filter((node) => placementOn(set, node).shouldRun).map(({ metadata }) => metadata.name);
    const stays = nodes.filter((node) => placementOn(set, node).mayStay).map(({ metadata }) => metadata.name);
    const found = owned(set).filter(isActive).map(({ spec }) => spec?.nodeName).toSorted();
    check(set, new Set(found).size === found.length, `twice on a node: ${found.join()}`);
    check(set, wanted.every((name) => found.includes(name)), `on ${found.join()}, wanted on ${wanted.join()}`);
    check(set, found.every((name) => stays.includes(name)), `on ${found.join()}, may be on ${stays.join()}`);
    const { desiredNumberScheduled, numberReady } = set.status ?? {};
    check(set, desiredNumberScheduled === wanted.length && (numberReady ?? 0) >= wanted.length, `its status says ${numberReady} of ${desiredNumberScheduled}`);
  }
  for (const job of await list(kinds.jobs)) {
    const { completions = 1 } = job.spec ?? {};
    const { succeeded = 0, active = 0, conditions = [], uncountedTerminatedPods } = job.status ?? {};
    check(job, conditions.some(({ type, status }) => type === 'Complete' && status === 'True'), `is not complete: ${JSON.stringify(job.status)}`);
    check(job, succeeded >= completions && active === 0, `${succeeded} of ${completions} succeeded, ${active} active`);
    check(job, !uncountedTerminatedPods?.succeeded?.length && !uncountedTerminatedPods?.failed?.length, 'pods are not counted');
    check(job, owned(job).every((pod) => !isActive(pod)), 'pods of it run on');
  }
  for (const pod of pods) check(pod, !pod.metadata.finalizers?.length, `keeps finalizers ${pod.metadata.finalizers?.join()}`);
  for (const service of await list(kinds.services)) {
    if (service.metadata.namespace !== namespace || !service.spec?.selector) continue;
    const slices = (await list(kinds.endpointSlices)).filter((slice) => controllerOf(slice)?.uid === service.metadata.uid);
    const found = slices.flatMap(({ endpoints = [] }) => endpoints.flatMap(({ targetRef }) => targetRef?.name ?? [])).toSorted();
    const { selector } = service.spec;
    const behind = pods.filter((pod) => isActive(pod) && isReady(pod) && matchesLabels({ matchLabels: selector }, pod.metadata.labels ?? {}));
    const names = behind.map(({ metadata }) => metadata.name).toSorted();
    check(service, found.join() === names.join(), `its endpoints are ${found.join()}, not ${names.join()}`);
  }
  for (const budget of await list(kinds.podDisruptionBudgets)) {
    const healthy = pods.filter((pod) => isActive(pod) && isReady(pod) && matchesLabels(budget.spec?.selector ?? {}, pod.metadata.labels ?? {}));
    check(budget, budget.status?.currentHealthy === healthy.length, `counts ${budget.status?.currentHealthy} healthy pods of ${healthy.length}`);
  }
  return wrong;
}

function checkDeployment(deployment: Deployment, sets: All<ReplicaSet>, check: (object: KubernetesObject, holds: boolean, what: string) => void): void {
  const own = sets.filter((set) => controllerOf(set)?.uid === deployment.metadata.uid);
  const image = deployment.spec?.template.spec?.containers[0]?.image;
  const wanted = deployment.spec?.replicas ?? 1;
  const total = own.reduce((sum, { spec }) => sum + (spec?.replicas ?? 0), 0);
  const { observedGeneration, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  check(deployment, observedGeneration === deployment.metadata.generation, 'its status is of an older generation');
  check(deployment, replicas === total, `its status says ${replicas} replicas of ${total}`);
  // Held where it was when it was paused.
  if (deployment.spec?.paused) return;
  const current = own.filter(({ spec }) => spec?.template?.spec?.containers[0]?.image === image);
  // Adopted ones may have been given the same template: one of them is used.
  check(deployment, current.length >= 1, 'no ReplicaSet has its template');
  check(deployment, total === wanted && current.some(({ spec }) => spec?.replicas === wanted), `its ReplicaSets have ${total} replicas, not ${wanted}`);
  check(deployment, updatedReplicas === wanted && availableReplicas === wanted, `its status says ${updatedReplicas} updated, ${availableReplicas} available of ${wanted}`);
  check(deployment, own.length <= 1 + (deployment.spec?.revisionHistoryLimit ?? 10), `${own.length} ReplicaSets are kept`);
}
