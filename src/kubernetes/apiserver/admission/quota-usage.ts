import { persistentVolumeClaims, pods, type Kind } from '../../../api/kubernetes/kinds.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { Quantity, ResourceQuotaSpec } from '../../../api/kubernetes/types.generated.ts';
import { at, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import type { Body } from '../strategies/strategy.ts';
import { qosClass } from '../strategies/pod-defaults.ts';

/** Amounts by the names that quotas use: `pods`, `requests.cpu`, `count/deployments.apps`. */
export type Usage = Readonly<Record<string, number>>;

export interface ObjectUsage {
  readonly amounts: Usage;
  /** The compute resources of which every container of a pod speaks. */
  readonly said: readonly string[];
}

/** Plain counts: `configmaps`, `services` …; every kind also as `count/<resource>.<group>`. */
const named = new Set(['configmaps', 'persistentvolumeclaims', 'pods', 'replicationcontrollers', 'resourcequotas', 'secrets', 'services']);

/** What one object uses of a quota. */
export function usageOf(kind: Kind, object: Body, spec: ResourceQuotaSpec): ObjectUsage {
  const none = { amounts: {}, said: [] };
  const count = { [`count/${kind.resource}${kind.group ? `.${kind.group}` : ''}`]: 1 };
  if (kind.resource === 'pods' && kind.group === '') {
    if (isOver(object) || !inScope(object, spec)) return none;
    const usage = podUsage(object);
    return { ...usage, amounts: { ...count, ...usage.amounts } };
  }
  if ((spec.scopes?.length ?? 0) > 0 || spec.scopeSelector) return none;
  const plain = kind.group === '' && named.has(kind.resource) ? { [kind.resource]: 1 } : {};
  const special =
    kind.resource === 'services' ? serviceUsage(object) : kind.resource === 'persistentvolumeclaims' ? claimUsage(object) : {};
  return { amounts: { ...count, ...plain, ...special }, said: [] };
}

/** What everything in a namespace uses of a quota, counted afresh. */
export function usageIn(registry: Registry, namespace: string, spec: ResourceQuotaSpec): Usage {
  const kinds = registry.catalog.all.filter((one) => one.namespaced && !one.conversion && isCounted(one, Object.keys(spec.hard ?? {})));
  const totals: Record<string, number> = {};
  for (const kind of kinds) {
    for (const entry of registry.store.range(prefixOf(kind, namespace)).entries) {
      for (const [name, amount] of Object.entries(usageOf(kind, objectAt(entry), spec).amounts)) {
        totals[name] = (totals[name] ?? 0) + amount;
      }
    }
  }
  return totals;
}

function isCounted(kind: Kind, names: readonly string[]): boolean {
  const count = `count/${kind.resource}${kind.group ? `.${kind.group}` : ''}`;
  if (names.includes(count)) return true;
  if (kind.group !== '') return false;
  if (kind.resource === pods.resource) return names.some((one) => /^(pods|cpu|memory|ephemeral-storage)$|^(requests|limits)\./.test(one));
  if (kind.resource === persistentVolumeClaims.resource) return names.some((one) => /persistentvolumeclaims|storage/.test(one));
  return names.some((one) => one === kind.resource || one.startsWith(`${kind.resource}.`));
}

function podUsage(pod: Body): ObjectUsage {
  const containers = objectsOf(pod.spec?.['containers']);
  const inits = objectsOf(pod.spec?.['initContainers']);
  const amounts: Record<string, number> = { pods: 1 };
  const sides = ['requests', 'limits'] as const;
  const names = new Set([...containers, ...inits].flatMap((one) => sides.flatMap((side) => Object.keys(amountsOf(one, side)))));
  for (const side of sides) {
    for (const name of names) {
      const of = (one: JsonObject): number =>
        amountsOf(one, side)[name] === undefined ? 0 : quantityOf(amountsOf(one, side)[name] as Quantity);
      const total = Math.max(
        containers.reduce((sum, one) => sum + of(one), 0),
        ...inits.map(of),
      );
      amounts[`${side}.${name}`] = total;
      if (side === 'requests') amounts[name] = total;
    }
  }
  const isSaid = (side: 'requests' | 'limits', name: string): boolean =>
    [...containers, ...inits].every((one) => amountsOf(one, side)[name] !== undefined);
  const said = ['cpu', 'memory'].flatMap((name) => [
    ...(isSaid('requests', name) ? [name, `requests.${name}`] : []),
    ...(isSaid('limits', name) ? [`limits.${name}`] : []),
  ]);
  return { amounts, said };
}

const amountsOf = (container: JsonObject, side: 'requests' | 'limits'): JsonObject => objectOf(objectOf(container['resources'])[side]);

function serviceUsage(service: Body): Usage {
  const type = textOf(service.spec?.['type']) || 'ClusterIP';
  const ports = objectsOf(service.spec?.['ports']).length;
  return {
    ...(type === 'LoadBalancer' && { 'services.loadbalancers': 1 }),
    ...((type === 'NodePort' || type === 'LoadBalancer') && { 'services.nodeports': ports }),
  };
}

function claimUsage(claim: Body): Usage {
  const storage = at(claim, 'spec', 'resources', 'requests', 'storage') as Quantity | undefined;
  const bytes = storage === undefined ? 0 : quantityOf(storage);
  const storageClass = textOf(claim.spec?.['storageClassName']);
  const prefix = `${storageClass}.storageclass.storage.k8s.io/`;
  return {
    'requests.storage': bytes,
    ...(storageClass && { [`${prefix}requests.storage`]: bytes, [`${prefix}persistentvolumeclaims`]: 1 }),
  };
}

const isOver = (pod: Body): boolean => ['Succeeded', 'Failed'].includes(textOf(pod.status?.['phase']));

function inScope(pod: Body, { scopes = [], scopeSelector }: ResourceQuotaSpec): boolean {
  const wanted = [
    ...scopes.map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as readonly string[] })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
  return wanted.every(({ scopeName, operator, values = [] }) => {
    switch (scopeName) {
      case 'BestEffort':
        return qosClass(objectOf(pod.spec)) === 'BestEffort';
      case 'NotBestEffort':
        return qosClass(objectOf(pod.spec)) !== 'BestEffort';
      case 'Terminating':
        return pod.spec?.['activeDeadlineSeconds'] !== undefined;
      case 'NotTerminating':
        return pod.spec?.['activeDeadlineSeconds'] === undefined;
      case 'PriorityClass': {
        const name = textOf(pod.spec?.['priorityClassName']);
        if (operator === 'In') return values.includes(name);
        if (operator === 'NotIn') return !values.includes(name);
        return (name !== '') === (operator === 'Exists');
      }
      default:
        return false;
    }
  });
}

/** `2`, `500m`, `1Gi`: an amount as Kubernetes writes it. */
export function printAmount(name: string, amount: number): string {
  if (name.endsWith('cpu') && !Number.isInteger(amount)) return `${Math.round(amount * 1000)}m`;
  if (!/memory$|storage$/.test(name) || amount === 0) return String(amount);
  const units = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki'];
  const index = units.findIndex((_unit, position) => amount % 2 ** (10 * (6 - position)) === 0);
  return index < 0 ? String(amount) : `${amount / 2 ** (10 * (6 - index))}${units[index]}`;
}
