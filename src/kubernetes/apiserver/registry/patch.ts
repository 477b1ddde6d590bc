import jsonPatch from 'fast-json-patch';
import { jsonMerge, strategicMerge } from '../../../api/kubernetes/strategic-merge.ts';
import { messageOf } from '../../../base/errors.ts';
import { isObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { apiError, invalid } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';

export type PatchType = 'json' | 'merge' | 'strategic';

/** The object that a patch makes of the current one; not yet checked. */
export function patched(resource: Resource, current: Body, type: PatchType, patch: unknown): unknown {
  if (type === 'json') return byOperations(resource, current, patch);
  if (type === 'strategic' && resource.custom) {
    throw apiError(
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
  }
  if (!isObject(patch)) throw apiError('BadRequest', 'error decoding patch: json: cannot unmarshal into map[string]interface {}');
  return type === 'merge' ? jsonMerge(current, patch) : strategicMerge(resource.type, current, patch);
}

function byOperations(resource: Resource, current: Body, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw apiError('BadRequest', 'error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  try {
    return jsonPatch.applyPatch(structuredClone(current), patch as jsonPatch.Operation[], true).newDocument;
  } catch (error) {
    const why = messageOf(error).split('\n')[0] ?? '';
    throw invalid(resource, current.metadata.name ?? '', [
      { reason: 'FieldValueInvalid', field: 'patch', message: `the server rejected our request due to an error in our request: ${why}` },
    ]);
  }
}
