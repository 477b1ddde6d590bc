import { KindError } from '../../base/errors.ts';

/** `filters` of list requests: `{"label":["a=b"]}` or the older `{"label":{"a=b":true}}`. Values of one name are alternatives, names are all required. */
export type Filters = ReadonlyMap<string, readonly string[]>;

export function parseFilters(given: string | null, accepted: readonly string[] | undefined): Filters {
  if (given === null || given === '') return new Map();
  const filters = new Map(Object.entries(parsedObject(given)).map(([name, values]) => [name, valuesOf(values)]));
  for (const name of filters.keys()) {
    if (accepted && !accepted.includes(name)) throw new KindError('invalid', `invalid filter '${name}'`);
  }
  return filters;
}

/** No such filter, or one of its values satisfies the test. */
export function anyOf(filters: Filters, name: string, test: (value: string) => boolean): boolean {
  const values = filters.get(name);
  return values === undefined || values.length === 0 || values.some(test);
}

/** Every `label` (`key` or `key=value`) is there; with `label!` none is. */
export function labelsMatch(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  const has = (wanted: string): boolean => {
    const at = wanted.indexOf('=');
    if (at < 0) return wanted in labels;
    return labels[wanted.slice(0, at)] === wanted.slice(at + 1);
  };
  return (filters.get('label') ?? []).every(has) && !(filters.get('label!') ?? []).some(has);
}

/** A boolean filter such as `dangling=true`; undefined when absent. */
export function flagOf(filters: Filters, name: string): boolean | undefined {
  const value = filters.get(name)?.[0];
  if (value === undefined) return undefined;
  if (['true', '1', 't', 'T', 'TRUE', 'True'].includes(value)) return true;
  if (['false', '0', 'f', 'F', 'FALSE', 'False'].includes(value)) return false;
  throw new KindError('invalid', `invalid filter '${name}=[${value}]'`);
}

function parsedObject(given: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(given);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new KindError('invalid', `invalid filter: ${given}`);
}

function valuesOf(values: unknown): readonly string[] {
  if (Array.isArray(values)) return values.map(String);
  if (typeof values === 'object' && values !== null) {
    return Object.entries(values).flatMap(([value, wanted]) => (wanted === true ? [value] : []));
  }
  throw new KindError('invalid', 'invalid filter');
}
