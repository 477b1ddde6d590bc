import { resourceQuotas } from '../../../api/kubernetes/kinds.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import type { Quantity, ResourceQuota } from '../../../api/kubernetes/types.generated.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { isKind } from '../../../base/errors.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import { resourceOf } from '../resources.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext } from './plugin.ts';
import { printAmount, usageIn, usageOf, type Usage } from './quota-usage.ts';

/** Creations in a namespace that has a quota wait for each other, so that what is counted is what is there. */
export function quotaLock({ operation, namespace, subresource }: AdmissionRequest, { registry }: AdmissionContext): string | undefined {
  if (operation !== 'CREATE' || namespace === undefined || subresource !== undefined) return undefined;
  const hasQuota = registry.store.range(prefixOf(resourceQuotas, namespace), { limit: 1 }).entries.length > 0;
  return hasQuota ? `quota/${namespace}` : undefined;
}

/** Refuses what would exceed a quota of the namespace; keeps the quota's status.used. Held by the namespace's lock. */
export async function reserveQuota(request: AdmissionRequest, { registry }: AdmissionContext): Promise<void> {
  const { namespace = '', resource, object, name } = request;
  const quotas = registry.store
    .range(prefixOf(resourceQuotas, namespace))
    .entries.map((entry) => objectAt(entry) as unknown as ResourceQuota);
  for (const quota of quotas) {
    const { hard = {} } = quota.spec ?? {};
    const names = Object.keys(hard);
    const { amounts: wanted, said } = usageOf(resource, object, quota.spec ?? {});
    const counted = names.filter((one) => wanted[one] !== undefined);
    if (counted.length === 0) continue;
    const missing = missingAmounts(resource.resource, names, said);
    if (missing.length > 0) {
      throw forbidden(resource, name, `failed quota: ${quota.metadata.name}: must specify ${missing.join(',')}`);
    }
    const used = usageIn(registry, namespace, quota.spec ?? {});
    const tooMuch = counted.filter((one) => (used[one] ?? 0) + (wanted[one] ?? 0) > quantityOf(hard[one] as Quantity));
    if (tooMuch.length > 0) throw forbidden(resource, name, exceeded(quota, tooMuch, wanted, used));
    if (!request.dryRun) await note(registry, quota, sum(used, wanted));
  }
}

/** Pods have to say how much of what is limited they ask for. */
function missingAmounts(resource: string, names: readonly string[], said: readonly string[]): readonly string[] {
  if (resource !== 'pods') return [];
  const compute = /^(requests|limits)\.(cpu|memory)$|^(cpu|memory)$/;
  return names.filter((one) => compute.test(one) && !said.includes(one)).toSorted();
}

function exceeded({ metadata, spec }: ResourceQuota, names: readonly string[], wanted: Usage, used: Usage): string {
  const list = (amount: (name: string) => string): string =>
    names
      .toSorted()
      .map((name) => `${name}=${amount(name)}`)
      .join(',');
  const parts = [
    `requested: ${list((name) => printAmount(name, wanted[name] ?? 0))}`,
    `used: ${list((name) => printAmount(name, used[name] ?? 0))}`,
    `limited: ${list((name) => String(spec?.hard?.[name]))}`,
  ];
  return `exceeded quota: ${metadata.name}, ${parts.join(', ')}`;
}

const sum = (a: Usage, b: Usage): Usage =>
  Object.fromEntries(Object.keys({ ...a, ...b }).map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));

async function note(registry: AdmissionContext['registry'], quota: ResourceQuota, usage: Usage): Promise<void> {
  const { hard = {} } = quota.spec ?? {};
  if (quota.metadata.deletionTimestamp) return;
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, printAmount(name, usage[name] ?? 0)]));
  const place = { namespace: quota.metadata.namespace, name: quota.metadata.name ?? '' };
  await registry.replace(resourceOf(resourceQuotas), place, (current) => ({ ...current, status: { hard, used } })).catch(unlessGone);
}

function unlessGone(error: unknown): void {
  if (!isKind(error, 'notFound')) throw error;
}

/** Keeps status.used of all quotas true whatever changes in their namespaces, until the signal aborts. */
export async function keepQuotas(registry: AdmissionContext['registry'], signal: AbortSignal): Promise<void> {
  for await (const changes of registry.store.watch('/registry/', { after: registry.store.revision }, signal)) {
    // `/registry/…/<namespace>/<name>`
    const touched = new Set(changes.map(({ entry }) => entry.key.split('/').at(-2) ?? ''));
    for (const namespace of touched) await refreshQuotas(registry, namespace);
  }
}

async function refreshQuotas(registry: AdmissionContext['registry'], namespace: string): Promise<void> {
  for (const entry of registry.store.range(prefixOf(resourceQuotas, namespace)).entries) {
    const quota = objectAt(entry) as unknown as ResourceQuota;
    await note(registry, quota, usageIn(registry, namespace, quota.spec ?? {}));
  }
}
