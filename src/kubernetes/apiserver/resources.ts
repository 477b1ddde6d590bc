import * as kinds from '../../api/kubernetes/kinds.ts';
import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import { schemaName, schemaOf } from '../../api/kubernetes/schema-table.ts';
import type { Schema } from '../../api/kubernetes/schema.ts';
import { apiServiceStrategy } from './strategies/api-services.ts';
import { autoscalerStrategy } from './strategies/autoscalers.ts';
import { cronJobStrategy } from './strategies/cron-jobs.ts';
import { daemonSetStrategy } from './strategies/daemon-sets.ts';
import { disruptionBudgetStrategy } from './strategies/disruption-budgets.ts';
import { jobStrategy } from './strategies/jobs.ts';
import { priorityClassStrategy } from './strategies/priority-classes.ts';
import { replicationControllerStrategy } from './strategies/replication-controllers.ts';
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
import { serviceStrategy } from './strategies/services.ts';
import { admissionPolicyBindingStrategy, admissionPolicyStrategy, webhooksStrategy } from './strategies/admission-registration.ts';
import { signingRequestStrategy } from './strategies/certificates.ts';
import { limitRangeStrategy, resourceQuotaStrategy } from './strategies/limits.ts';
import { ingressClassStrategy, ingressStrategy, networkPolicyStrategy } from './strategies/networking.ts';
import { clusterRoleBindingStrategy, clusterRoleStrategy, roleBindingStrategy, roleStrategy } from './strategies/rbac.ts';
import { csiDriverStrategy, runtimeClassStrategy, volumeAttachmentStrategy, volumeAttributesClassStrategy } from './strategies/storage.ts';
import { podTemplateStrategy } from './strategies/workloads.ts';
import { oldAutoscalerConversion } from './strategies/old-autoscalers.ts';
import { newEventConversion, newEventStrategy } from './strategies/new-events.ts';
import type { JsonSchema } from './customresources/json-schema.ts';
import { definitionStrategy } from './customresources/definition-strategy.ts';
import type { Column } from './table/column.ts';
import type { Conversion } from './registry/conversion.ts';
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
  /** metadata.generation counts the changes of everything but metadata and status. */
  readonly countsGeneration: boolean;
  /** Its name in OpenAPI documents. */
  readonly schema: string;
  readonly type: Schema;
  readonly strategy: Strategy;
  /** Between what is stored and this version; undefined where they are the same. */
  readonly conversion?: Conversion;
  /** What a definition says of a custom resource; undefined for what is built in. */
  readonly custom?: CustomTraits;
}

/** What only custom resources have. */
export interface CustomTraits {
  readonly jsonSchema: JsonSchema;
  readonly columns: readonly Column[];
  /** JSON paths of the parts of a Scale. */
  readonly scale?: { readonly spec: string; readonly status: string; readonly selector?: string };
}

interface Traits {
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly hasStatus?: boolean;
  readonly hasScale?: boolean;
  readonly countsGeneration?: boolean;
  readonly strategy?: Strategy;
  readonly conversion?: Conversion;
}

function resource(kind: Kind<KubernetesObject>, traits: Traits = {}): Resource {
  const schema = schemaName(kind.group, kind.version, kind.kind);
  if (!schema) throw new Error(`no schema for ${kind.kind}`);
  return {
    ...kind,
    singular: kind.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    hasStatus: false,
    hasScale: false,
    countsGeneration: false,
    strategy: plainStrategy,
    ...traits,
    schema,
    type: schemaOf(schema),
  };
}

const all = ['all'];

export const resources: readonly Resource[] = [
  resource(kinds.namespaces, { shortNames: ['ns'], hasStatus: true, strategy: namespaceStrategy }),
  resource(kinds.nodes, { shortNames: ['no'], hasStatus: true, strategy: nodeStrategy }),
  resource(kinds.pods, { shortNames: ['po'], categories: all, hasStatus: true, countsGeneration: true, strategy: podStrategy }),
  resource(kinds.configMaps, { shortNames: ['cm'], strategy: configMapStrategy }),
  resource(kinds.secrets, { strategy: secretStrategy }),
  resource(kinds.services, { shortNames: ['svc'], categories: all, hasStatus: true, strategy: serviceStrategy }),
  resource(kinds.serviceAccounts, { shortNames: ['sa'] }),
  resource(kinds.endpoints, { shortNames: ['ep'] }),
  resource(kinds.events, { shortNames: ['ev'], strategy: eventStrategy }),
  resource(kinds.persistentVolumeClaims, { shortNames: ['pvc'], hasStatus: true, strategy: claimStrategy }),
  resource(kinds.persistentVolumes, { shortNames: ['pv'], hasStatus: true, strategy: volumeStrategy }),
  resource(kinds.deployments, {
    shortNames: ['deploy'],
    categories: all,
    hasStatus: true,
    hasScale: true,
    countsGeneration: true,
    strategy: deploymentStrategy,
  }),
  resource(kinds.replicaSets, {
    shortNames: ['rs'],
    categories: all,
    hasStatus: true,
    hasScale: true,
    countsGeneration: true,
    strategy: replicaSetStrategy,
  }),
  resource(kinds.statefulSets, {
    shortNames: ['sts'],
    categories: all,
    hasStatus: true,
    hasScale: true,
    countsGeneration: true,
    strategy: statefulSetStrategy,
  }),
  resource(kinds.daemonSets, { shortNames: ['ds'], categories: all, hasStatus: true, countsGeneration: true, strategy: daemonSetStrategy }),
  resource(kinds.replicationControllers, {
    shortNames: ['rc'],
    categories: all,
    hasStatus: true,
    hasScale: true,
    countsGeneration: true,
    strategy: replicationControllerStrategy,
  }),
  resource(kinds.jobs, { categories: all, hasStatus: true, countsGeneration: true, strategy: jobStrategy }),
  resource(kinds.cronJobs, { shortNames: ['cj'], categories: all, hasStatus: true, countsGeneration: true, strategy: cronJobStrategy }),
  resource(kinds.podDisruptionBudgets, {
    shortNames: ['pdb'],
    hasStatus: true,
    countsGeneration: true,
    strategy: disruptionBudgetStrategy,
  }),
  resource(kinds.priorityClasses, { shortNames: ['pc'], countsGeneration: true, strategy: priorityClassStrategy }),
  resource(kinds.horizontalPodAutoscalers, { shortNames: ['hpa'], categories: all, hasStatus: true, strategy: autoscalerStrategy }),
  resource(kinds.controllerRevisions),
  resource(kinds.endpointSlices, { countsGeneration: true, strategy: endpointSliceStrategy }),
  resource(kinds.leases),
  resource(kinds.limitRanges, { shortNames: ['limits'], strategy: limitRangeStrategy }),
  resource(kinds.resourceQuotas, { shortNames: ['quota'], hasStatus: true, strategy: resourceQuotaStrategy }),
  resource(kinds.podTemplates, { countsGeneration: true, strategy: podTemplateStrategy }),
  resource(kinds.ingresses, { shortNames: ['ing'], hasStatus: true, countsGeneration: true, strategy: ingressStrategy }),
  resource(kinds.ingressClasses, { countsGeneration: true, strategy: ingressClassStrategy }),
  resource(kinds.networkPolicies, { shortNames: ['netpol'], countsGeneration: true, strategy: networkPolicyStrategy }),
  resource(kinds.csiDrivers, { countsGeneration: true, strategy: csiDriverStrategy }),
  resource(kinds.csiNodes),
  resource(kinds.csiStorageCapacities),
  resource(kinds.volumeAttachments, { hasStatus: true, strategy: volumeAttachmentStrategy }),
  resource(kinds.volumeAttributesClasses, { shortNames: ['vac'], strategy: volumeAttributesClassStrategy }),
  resource(kinds.runtimeClasses, { strategy: runtimeClassStrategy }),
  resource(kinds.roles, { strategy: roleStrategy }),
  resource(kinds.roleBindings, { strategy: roleBindingStrategy }),
  resource(kinds.clusterRoles, { strategy: clusterRoleStrategy }),
  resource(kinds.clusterRoleBindings, { strategy: clusterRoleBindingStrategy }),
  resource(kinds.certificateSigningRequests, { shortNames: ['csr'], hasStatus: true, strategy: signingRequestStrategy }),
  resource(kinds.mutatingWebhookConfigurations, { categories: ['api-extensions'], countsGeneration: true, strategy: webhooksStrategy }),
  resource(kinds.validatingWebhookConfigurations, { categories: ['api-extensions'], countsGeneration: true, strategy: webhooksStrategy }),
  resource(kinds.validatingAdmissionPolicies, {
    categories: ['api-extensions'],
    hasStatus: true,
    countsGeneration: true,
    strategy: admissionPolicyStrategy,
  }),
  resource(kinds.validatingAdmissionPolicyBindings, {
    categories: ['api-extensions'],
    countsGeneration: true,
    strategy: admissionPolicyBindingStrategy,
  }),
  resource(
    { ...kinds.horizontalPodAutoscalers, version: 'v1' },
    { shortNames: ['hpa'], categories: all, hasStatus: true, conversion: oldAutoscalerConversion },
  ),
  resource(kinds.newEvents, { shortNames: ['ev'], strategy: newEventStrategy, conversion: newEventConversion }),
  resource(kinds.customResourceDefinitions, {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    hasStatus: true,
    countsGeneration: true,
    strategy: definitionStrategy,
  }),
  resource(kinds.apiServices, { categories: ['api-extensions'], hasStatus: true, strategy: apiServiceStrategy }),
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
