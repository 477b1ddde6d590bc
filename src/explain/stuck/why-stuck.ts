import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type {
  CertificateSigningRequest,
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  Node,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  Service,
  StatefulSet,
} from '../../api/kubernetes/types.generated.ts';
import { KindError } from '../../base/errors.ts';
import type { NamedKind } from '../../kubernetes/client/object-reader.ts';
import type { Fix } from '../fixes.ts';
import { nearest } from '../nearest-name.ts';
import { stuckDeletion } from './deletion.ts';
import { argumentsOf, type Facts, type Finding, type Reference } from './finding.ts';
import { stuckBudget, stuckClaim, stuckNode, stuckRequest, stuckService } from './others.ts';
import { stuckPod } from './pods.ts';
import { stuckCronJob, stuckDaemonSet, stuckDeployment, stuckJob, stuckReplicaSet, stuckStatefulSet } from './workloads.ts';

/** What an object waits for, link by link, and the one command that clears it. */
export interface StuckReport {
  readonly object: string;
  readonly isStuck: boolean;
  readonly chain: readonly { readonly object: string; readonly text: string }[];
  readonly fix?: Fix;
}

/** Owners, pods, claims, classes: more links than any chain has. */
const mostLinks = 12;

export async function whyStuck(facts: Facts, start: Reference): Promise<StuckReport> {
  const chain: { readonly object: string; readonly text: string }[] = [];
  const seen = new Set<string>();
  let at: Reference | undefined = start;
  let fix: Fix | undefined;
  while (at !== undefined && chain.length < mostLinks) {
    const object = argumentsOf(at);
    const found: KubernetesObject | undefined = await facts.reader.get(at.kind, at);
    if (!found && chain.length === 0) throw new KindError('notFound', `${at.kind.resource} "${at.name}" not found`);
    const finding: Finding | undefined = found ? await look(facts, at.kind, found) : missing(at);
    if (!finding) break;
    chain.push({ object, text: finding.text });
    fix = finding.fix;
    if (seen.has(object)) break;
    seen.add(object);
    at = finding.next;
  }
  return { object: argumentsOf(start), isStuck: chain.length > 0, chain, ...(fix && { fix }) };
}

function missing({ kind, namespace, name }: Reference): Finding {
  if (kind.resource !== 'persistentvolumeclaims') return { text: 'it is not there' };
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec };
  return { text: 'it is not there', fix: { text: 'make it', command: `kubectl apply -f - <<< '${JSON.stringify(claim)}'` } };
}

function look(facts: Facts, kind: Kind, object: KubernetesObject): Promise<Finding | undefined> {
  if (object.metadata.deletionTimestamp) return stuckDeletion(facts, kind, object);
  return looks[kind.resource]?.(facts, object) ?? Promise.resolve(undefined);
}

const looks: Readonly<Record<string, (facts: Facts, object: KubernetesObject) => Promise<Finding | undefined>>> = {
  certificatesigningrequests: (facts, object) => stuckRequest(facts, object as CertificateSigningRequest),
  cronjobs: (facts, object) => stuckCronJob(facts, object as CronJob),
  daemonsets: (facts, object) => stuckDaemonSet(facts, object as DaemonSet),
  deployments: (facts, object) => stuckDeployment(facts, object as Deployment),
  jobs: (facts, object) => stuckJob(facts, object as Job),
  nodes: (facts, object) => stuckNode(facts, object as Node),
  persistentvolumeclaims: (facts, object) => stuckClaim(facts, object as PersistentVolumeClaim),
  poddisruptionbudgets: (facts, object) => stuckBudget(facts, object as PodDisruptionBudget),
  pods: (facts, object) => stuckPod(facts, object as Pod),
  replicasets: (facts, object) => stuckReplicaSet(facts, object as ReplicaSet),
  replicationcontrollers: (facts, object) => stuckReplicaSet(facts, object as ReplicaSet),
  services: (facts, object) => stuckService(facts, object as Service),
  statefulsets: (facts, object) => stuckStatefulSet(facts, object as StatefulSet),
};

/** `deploy`, `deployment`, `deployments`, `deployments.apps`, `Deployment`. */
export function kindNamed(all: readonly NamedKind[], wanted: string): NamedKind {
  const name = wanted.toLowerCase();
  const namesOf = (one: NamedKind): readonly string[] => [
    one.resource,
    one.singular,
    ...one.shortNames,
    one.kind.toLowerCase(),
    `${one.resource}.${one.group}`,
  ];
  const found = all.find((one) => namesOf(one).includes(name));
  if (found) return found;
  const meant = nearest(name, all.flatMap(namesOf));
  throw new KindError(
    'notFound',
    `the server doesn't have a resource type "${wanted}"${meant === undefined ? '' : `: did you mean "${meant}"?`}`,
  );
}
