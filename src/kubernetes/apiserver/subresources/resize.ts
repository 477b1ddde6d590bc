import { objectOf, objectsOf, type JsonObject } from '../json.ts';
import type { Body } from '../strategies/strategy.ts';

/** `pods/<name>/resize`: the current pod with the wanted one's resources, and nothing else of it. */
export function resizedBy(current: Body, wanted: Body): Body {
  const resources = (field: string): JsonObject => {
    if (current.spec?.[field] === undefined) return {};
    const byName = new Map(objectsOf(objectOf(wanted.spec)[field]).map((one) => [one['name'], one]));
    return {
      [field]: objectsOf(current.spec[field]).map((one) => {
        const next = byName.get(one['name']);
        return next ? { ...one, resources: next['resources'] ?? {}, ...policyOf(next) } : one;
      }),
    };
  };
  const spec = { ...current.spec, ...resources('containers'), ...resources('initContainers') };
  const { resourceVersion } = wanted.metadata;
  return { ...current, metadata: { ...current.metadata, ...(resourceVersion && { resourceVersion }) }, spec };
}

function policyOf({ resizePolicy }: JsonObject): JsonObject {
  return resizePolicy === undefined ? {} : { resizePolicy };
}
