import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { clusterRoles } from '../../../api/kubernetes/kinds.ts';
import type { ClusterRole, PolicyRule } from '../../../api/kubernetes/types.generated.ts';
import { equal } from '../json.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';

/** The rules that an aggregating role has: those of all roles that its selectors choose, each once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): readonly PolicyRule[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  const chosen = all
    .filter((one) => one.metadata.name !== role.metadata.name)
    .filter((one) => selectors.some((selector) => matchesLabels(selector, one.metadata.labels ?? {})))
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  return chosen.flatMap((one) => one.rules ?? []).filter((rule, index, rules) => rules.findIndex((other) => equal(other, rule)) === index);
}

/** Brings every aggregating role up to date; a role can be part of one that is part of another. */
export async function aggregateRoles(registry: Registry): Promise<void> {
  const resource = resourceOf(clusterRoles);
  for (let changed = true; changed;) {
    changed = false;
    const all = registry.store.range(prefixOf(clusterRoles)).entries.map((entry) => objectAt(entry) as unknown as ClusterRole);
    for (const role of all.filter((one) => one.aggregationRule)) {
      const rules = aggregatedRules(role, all);
      if (equal(rules, role.rules ?? [])) continue;
      await registry.replace(resource, { name: role.metadata.name ?? '' }, (current) => ({ ...current, rules }));
      changed = true;
    }
  }
}

/** Does so whenever a role changes, until the signal aborts. */
export async function keepAggregating(registry: Registry, signal: AbortSignal): Promise<void> {
  const after = registry.store.revision;
  await aggregateRoles(registry);
  for await (const _changes of registry.store.watch(prefixOf(clusterRoles), { after }, signal)) await aggregateRoles(registry);
}
