import { customResourceDefinitions } from '../../../api/kubernetes/kinds.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { equal } from '../json.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import { timestamp } from '../timestamp.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';
import { cleanup } from './definition-strategy.ts';
import { resourcesOf } from './resource.ts';

/**
 * Serves what definitions define, from their creation to their end, until the signal aborts.
 *
 *   created ─► names accepted ─► served, Established          deleted ─► all its objects deleted ─► finalizer off ─► gone
 */
export async function keepDefinitions(registry: Registry, log: Log, signal: AbortSignal): Promise<void> {
  const after = registry.store.revision;
  for (const entry of registry.store.range(prefixOf(customResourceDefinitions)).entries) await settle(registry, objectAt(entry), log);
  for await (const changes of registry.store.watch(prefixOf(customResourceDefinitions), { after }, signal)) {
    for (const { type, entry } of changes) {
      if (type === 'delete') registry.catalog.define(nameOf(entry.key), []);
      else await settle(registry, objectAt(entry), log);
    }
  }
}

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
const resource = resourceOf(customResourceDefinitions);

async function settle(registry: Registry, body: Body, log: Log): Promise<void> {
  const definition = body as unknown as CustomResourceDefinition;
  const name = definition.metadata.name ?? '';
  try {
    if (definition.metadata.deletionTimestamp) return await finish(registry, definition);
    const status = statusOf(registry, definition, new Date());
    const isAccepted = status.conditions.some((one) => one.type === 'Established' && one.status === 'True');
    if (isAccepted) registry.catalog.define(name, resourcesOf(registry.store, definition));
    await registry.replace(resource, { name }, (current) =>
      equal(current.status, status) ? current : { ...current, status: status as unknown as Body['status'] },
    );
  } catch (error) {
    if (!isKind(error, 'notFound')) log.error({ definition: name, error: messageOf(error) }, 'a custom resource definition is not served');
  }
}

interface Status {
  readonly conditions: readonly CustomResourceDefinitionCondition[];
  readonly acceptedNames: object;
  readonly storedVersions: readonly string[];
}

function statusOf(registry: Registry, { spec, status }: CustomResourceDefinition, now: Date): Status {
  const { group, names, versions } = spec;
  const others = registry.catalog.all.filter((one) => one.group === group && one.resource !== names.plural);
  const words = [names.plural, names.singular ?? '', ...(names.shortNames ?? [])];
  const taken = others.find(
    (one) => [one.resource, one.singular, ...one.shortNames].some((word) => words.includes(word)) || one.kind === names.kind,
  );
  const clash = taken && `${names.plural} conflicts with ${taken.resource}`;
  const storage = versions.filter((one) => one.storage).map((one) => one.name);
  const before = status?.conditions ?? [];
  const condition = (type: string, value: boolean, reason: string, message: string): CustomResourceDefinitionCondition => {
    const old = before.find((one) => one.type === type);
    const lastTransitionTime = old?.status === (value ? 'True' : 'False') ? old.lastTransitionTime : timestamp(now);
    return { type, status: value ? 'True' : 'False', reason, message, lastTransitionTime };
  };
  const accepted = clash
    ? condition('NamesAccepted', false, 'NamesConflict', clash)
    : condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found');
  const established = clash
    ? condition('Established', false, 'NotAccepted', 'not all names are accepted')
    : condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted');
  return {
    conditions: [accepted, established],
    acceptedNames: clash ? { plural: '', kind: '' } : names,
    storedVersions: [...new Set([...(status?.storedVersions ?? []), ...storage])],
  };
}

/** All objects go first; those with finalizers of their own are waited for: their going brings us here again. */
async function finish(registry: Registry, definition: CustomResourceDefinition): Promise<void> {
  const name = definition.metadata.name ?? '';
  const { group, names, scope } = definition.spec;
  const served = registry.catalog.all.find((one) => one.group === group && one.resource === names.plural);
  const prefix = prefixOf({ group, version: '', kind: names.kind, resource: names.plural, namespaced: scope === 'Namespaced' });
  if (served) {
    for (const entry of registry.store.range(prefix).entries) {
      const { metadata } = objectAt(entry);
      const place = { namespace: metadata.namespace, name: metadata.name ?? '' };
      await registry.delete(served, place).catch((error: unknown) => {
        if (!isKind(error, 'notFound')) throw error;
      });
    }
  }
  const left = registry.store.range(prefix).entries.length;
  if (left > 0) {
    await changed(registry, prefix);
    return finish(registry, definition);
  }
  await registry.replace(resource, { name }, (current) => ({
    ...current,
    metadata: { ...current.metadata, finalizers: current.metadata.finalizers?.filter((one) => one !== cleanup) },
  }));
}

/** The next change below a prefix, or a while. */
async function changed(registry: Registry, prefix: string): Promise<void> {
  const signal = AbortSignal.timeout(5000);
  for await (const _changes of registry.store.watch(prefix, { after: registry.store.revision }, signal)) return;
}
