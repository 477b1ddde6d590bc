import { limitRanges } from '../../../api/kubernetes/kinds.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { LimitRange, LimitRangeItem, Quantity } from '../../../api/kubernetes/types.generated.ts';
import { objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import { forbidden } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { isNew, type AdmissionContext, type AdmissionPlugin } from './plugin.ts';

type Amounts = Readonly<Record<string, Quantity>>;

/** Gives containers the namespace's default amounts, and keeps everybody within its minimum and maximum. */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  admit(request, context) {
    if (!isNew(request, 'pods')) return request.object;
    const items = itemsOf(request, context).filter(({ type }) => type === 'Container');
    return items.reduce<Body>(withDefaults, request.object);
  },
  validate(request, context) {
    const items = itemsOf(request, context);
    if (items.length === 0) return;
    const wrong = isNew(request, 'pods') ? items.flatMap((item) => podViolations(item, request.object)) : [];
    const claims = isNew(request, 'persistentvolumeclaims') ? items.flatMap((item) => claimViolations(item, request.object)) : [];
    const all = [...wrong, ...claims];
    if (all.length > 0) throw forbidden(request.resource, request.name, all.length === 1 ? (all[0] ?? '') : `[${all.join(', ')}]`);
  },
};

function itemsOf({ namespace, operation }: AdmissionRequest, { registry }: AdmissionContext): readonly LimitRangeItem[] {
  if (namespace === undefined || operation !== 'CREATE') return [];
  const { entries } = registry.store.range(prefixOf(limitRanges, namespace));
  return entries.flatMap((entry) => (objectAt(entry) as unknown as LimitRange).spec?.limits ?? []);
}

const containerFields = ['containers', 'initContainers'] as const;

function withDefaults(pod: Body, item: LimitRangeItem): Body {
  const spec = objectOf(pod.spec);
  const filled = containerFields.flatMap((field) =>
    spec[field] === undefined ? [] : [[field, objectsOf(spec[field]).map((one) => filledContainer(one, item))] as const],
  );
  return { ...pod, spec: { ...spec, ...Object.fromEntries(filled) } };
}

function filledContainer(container: JsonObject, item: LimitRangeItem): JsonObject {
  const resources = objectOf(container['resources']);
  const limits = { ...item.default, ...objectOf(resources['limits']) };
  const requests = { ...item.defaultRequest, ...objectOf(resources['requests']) };
  return {
    ...container,
    resources: {
      ...resources,
      ...(Object.keys(limits).length > 0 && { limits }),
      ...(Object.keys(requests).length > 0 && { requests }),
    },
  };
}

function podViolations(item: LimitRangeItem, pod: Body): readonly string[] {
  const containers = objectsOf(pod.spec?.['containers']);
  const all = [...containers, ...objectsOf(pod.spec?.['initContainers'])];
  if (item.type === 'Container')
    return all.flatMap((one) => violations(item, 'Container', amountsOf(one, 'requests'), amountsOf(one, 'limits')));
  if (item.type !== 'Pod') return [];
  return violations(item, 'Pod', summed(containers, 'requests'), summed(containers, 'limits'));
}

function claimViolations(item: LimitRangeItem, claim: Body): readonly string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const requests = objectOf(objectOf(claim.spec?.['resources'])['requests']) as Amounts;
  return violations(item, 'PersistentVolumeClaim', requests, requests);
}

const amountsOf = (container: JsonObject, side: string): Amounts => objectOf(objectOf(container['resources'])[side]) as Amounts;

/** The sum over all containers; a resource that one of them does not limit is not limited. */
function summed(containers: readonly JsonObject[], side: string): Amounts {
  const names = new Set(containers.flatMap((one) => Object.keys(amountsOf(one, side))));
  const totals = [...names].flatMap((name) => {
    const amounts = containers.map((one) => amountsOf(one, side)[name]);
    if (side === 'limits' && amounts.includes(undefined)) return [];
    return [[name, amounts.reduce<number>((sum, one) => sum + (one === undefined ? 0 : quantityOf(one)), 0)] as const];
  });
  return Object.fromEntries(totals);
}

function violations(
  { min = {}, max = {}, maxLimitRequestRatio = {} }: LimitRangeItem,
  type: string,
  requests: Amounts,
  limits: Amounts,
): readonly string[] {
  const tooLittle = Object.entries(min).flatMap(([name, least]) => {
    const amount = requests[name];
    if (amount === undefined) return [`minimum ${name} usage per ${type} is ${least}.  No request is specified`];
    return quantityOf(amount) < quantityOf(least) ? [`minimum ${name} usage per ${type} is ${least}, but request is ${amount}`] : [];
  });
  const tooMuch = Object.entries(max).flatMap(([name, most]) => {
    const amount = limits[name];
    if (amount === undefined) return [`maximum ${name} usage per ${type} is ${most}.  No limit is specified`];
    return quantityOf(amount) > quantityOf(most) ? [`maximum ${name} usage per ${type} is ${most}, but limit is ${textOf(amount)}`] : [];
  });
  const ratios = Object.entries(maxLimitRequestRatio).flatMap(([name, most]) => {
    const [limit, asked] = [limits[name], requests[name]];
    if (limit === undefined || asked === undefined) return [];
    const ratio = quantityOf(limit) / quantityOf(asked);
    return ratio > quantityOf(most)
      ? [`${name} max limit to request ratio per ${type} is ${most}, but provided ratio is ${ratio.toFixed(6)}`]
      : [];
  });
  return [...tooLittle, ...tooMuch, ...ratios];
}
