import { decode } from '../../../api/kubernetes/decode.ts';
import { prune } from '../customresources/prune.ts';
import { isObject, objectOf, textOf, type JsonObject } from '../json.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface DecodedBody {
  readonly object: Body;
  /** `unknown field "spec.foo"`: dropped. */
  readonly warnings: readonly string[];
}

/** Maps and lists of metadata that are empty are as good as absent, and are not shown. */
function withoutEmpty(metadata: JsonObject): JsonObject {
  const isEmpty = (value: unknown): boolean => (Array.isArray(value) || isObject(value)) && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isEmpty(value)));
}

/** A request's object, checked against its kind's type. */
export function decodeBody(resource: Resource, source: unknown, validation: FieldValidation): DecodedBody {
  if (!isObject(source)) throw apiError('BadRequest', 'the object provided is unrecognized (must be of type Object)');
  const [version, kind] = [textOf(source['apiVersion']) || apiVersion(resource), textOf(source['kind']) || resource.kind];
  if (version !== apiVersion(resource) || kind !== resource.kind) {
    const [given, wanted] = [`${version}, Kind=${kind}`, `${apiVersion(resource)}, Kind=${resource.kind}`];
    throw apiError(
      'BadRequest',
      `the API version in the data (${version}) does not match the expected API version (${apiVersion(resource)}): ${given}, want ${wanted}`,
    );
  }
  const { object, unknown, mismatches } = resource.custom ? prune(resource.type, source) : decode(resource.type, source);
  const prefix = `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}`;
  if (mismatches.length > 0) throw apiError('BadRequest', `${prefix}: ${mismatches[0]}`);
  if (validation === 'Strict' && unknown.length > 0)
    throw apiError('BadRequest', `${prefix}: strict decoding error: ${unknown.join(', ')}`);
  return {
    object: { ...object, apiVersion: version, kind, metadata: withoutEmpty(objectOf(object['metadata'])) },
    warnings: validation === 'Warn' ? unknown : [],
  };
}
