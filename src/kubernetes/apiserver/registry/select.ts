import { objectOf } from '../json.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { fieldMatcher, labelMatcher } from '../selectors.ts';
import type { Body } from '../strategies/strategy.ts';

export interface Selectors {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** One predicate from both selectors; undefined selects everything. */
export function selection(resource: Resource, selectors: Selectors): ((object: Body) => boolean) | undefined {
  const own = resource.strategy.selectableFields;
  const known = ['metadata.name', 'metadata.namespace', ...Object.keys(own)];
  const labels = labelMatcher(selectors.labelSelector);
  const fields = fieldMatcher(selectors.fieldSelector, `${apiVersion(resource)}, Kind=${resource.kind}`, known);
  if (!labels && !fields) return undefined;
  return (object) => (labels?.(objectOf(object.metadata.labels)) ?? true) && (fields?.(fieldsOf(own, object)) ?? true);
}

function fieldsOf(own: Resource['strategy']['selectableFields'], object: Body): Readonly<Record<string, unknown>> {
  const read = Object.entries(own).map(([name, value]) => [name, value(object)]);
  return { 'metadata.name': object.metadata.name, 'metadata.namespace': object.metadata.namespace ?? '', ...Object.fromEntries(read) };
}
