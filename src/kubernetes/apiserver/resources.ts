import * as kinds from '../../api/kubernetes/kinds.ts';
import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import { schemaName } from '../../api/kubernetes/schema-table.ts';
import { autoscalerStrategy } from './strategies/autoscalers.ts';
import { cronJobStrategy } from './strategies/cron-jobs.ts';
import { daemonSetStrategy } from './strategies/daemon-sets.ts';
import { disruptionBudgetStrategy } from './strategies/disruption-budgets.ts';
import { jobStrategy } from './strategies/jobs.ts';
import {
  configMapStrategy,
  endpointSliceStrategy,
  eventStrategy,
  namespaceStrategy,
  nodeStrategy,
  plainStrategy,
  secretStrategy,
  storageClassStrategy,
} from './strategies/plain.ts';
import { podStrategy } from './strategies/pods.ts';
import { priorityClassStrategy } from './strategies/priority-classes.ts';
import { replicationControllerStrategy } from './strategies/replication-controllers.ts';
import { serviceStrategy } from './strategies/services.ts';
import type { Strategy } from './strategies/strategy.ts';
import { claimStrategy, volumeStrategy } from './strategies/volumes.ts';
import { deploymentStrategy, replicaSetStrategy, statefulSetStrategy } from './strategies/workloads.ts';

/** One served resource: its kind, how discovery shows it, and what is special about it. */
export interface Resource extends Kind {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly hasStatus: boolean;
  readonly hasScale: boolean;
  /** Key into the schema table. */
  readonly schema: string;
  readonly strategy: Strategy;
}

interface Traits {
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly hasStatus?: boolean;
  readonly hasScale?: boolean;
  readonly strategy?: Strategy;
}

function resource(kind: Kind<KubernetesObject>, traits: Traits = {}): Resource {
  const schema = schemaName(kind.group, kind.version, kind.kind);
  if (!schema) throw new Error(`no schema for ${kind.kind}`);
  const { shortNames = [], categories = [], hasStatus = false, hasScale = false, strategy = plainStrategy } = traits;
  return { ...kind, singular: kind.kind.toLowerCase(), shortNames, categories, hasStatus, hasScale, schema, strategy };
}

const all = ['all'];

export const resources: readonly Resource[] = [
  resource(kinds.namespaces, { shortNames: ['ns'], hasStatus: true, strategy: namespaceStrategy }),
  resource(kinds.nodes, { shortNames: ['no'], hasStatus: true, strategy: nodeStrategy }),
  resource(kinds.pods, { shortNames: ['po'], categories: all, hasStatus: true, strategy: podStrategy }),
  resource(kinds.configMaps, { shortNames: ['cm'], strategy: configMapStrategy }),
  resource(kinds.secrets, { strategy: secretStrategy }),
  resource(kinds.services, { shortNames: ['svc'], categories: all, hasStatus: true, strategy: serviceStrategy }),
  resource(kinds.serviceAccounts, { shortNames: ['sa'] }),
  resource(kinds.endpoints, { shortNames: ['ep'] }),
  resource(kinds.events, { shortNames: ['ev'], strategy: eventStrategy }),
  resource(kinds.persistentVolumeClaims, { shortNames: ['pvc'], hasStatus: true, strategy: claimStrategy }),
  resource(kinds.persistentVolumes, { shortNames: ['pv'], hasStatus: true, strategy: volumeStrategy }),
  resource(kinds.deployments, { shortNames: ['deploy'], categories: all, hasStatus: true, hasScale: true, strategy: deploymentStrategy }),
  resource(kinds.replicaSets, { shortNames: ['rs'], categories: all, hasStatus: true, hasScale: true, strategy: replicaSetStrategy }),
  resource(kinds.statefulSets, { shortNames: ['sts'], categories: all, hasStatus: true, hasScale: true, strategy: statefulSetStrategy }),
  resource(kinds.daemonSets, { shortNames: ['ds'], categories: all, hasStatus: true, strategy: daemonSetStrategy }),
  resource(kinds.replicationControllers, {
    shortNames: ['rc'],
    categories: all,
    hasStatus: true,
    hasScale: true,
    strategy: replicationControllerStrategy,
  }),
  resource(kinds.jobs, { categories: all, hasStatus: true, strategy: jobStrategy }),
  resource(kinds.cronJobs, { shortNames: ['cj'], categories: all, hasStatus: true, strategy: cronJobStrategy }),
  resource(kinds.podDisruptionBudgets, { shortNames: ['pdb'], hasStatus: true, strategy: disruptionBudgetStrategy }),
  resource(kinds.priorityClasses, { shortNames: ['pc'], strategy: priorityClassStrategy }),
  resource(kinds.horizontalPodAutoscalers, { shortNames: ['hpa'], categories: all, hasStatus: true, strategy: autoscalerStrategy }),
  resource(kinds.controllerRevisions),
  resource(kinds.endpointSlices, { strategy: endpointSliceStrategy }),
  resource(kinds.leases),
  resource(kinds.storageClasses, { shortNames: ['sc'], strategy: storageClassStrategy }),
];

const byPath = new Map(resources.map((one) => [`${one.group}/${one.version}/${one.resource}`, one]));

export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return byPath.get(`${group}/${version}/${plural}`);
}

export function resourceOf(kind: Kind<KubernetesObject>): Resource {
  const found = findResource(kind.group, kind.version, kind.resource);
  if (!found) throw new Error(`${kind.resource}.${kind.group} is not served`);
  return found;
}

export function apiVersion(one: { readonly group: string; readonly version: string }): string {
  return one.group === '' ? one.version : `${one.group}/${one.version}`;
}
