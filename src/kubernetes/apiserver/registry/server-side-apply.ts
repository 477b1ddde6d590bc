import { strategicMerge } from '../../../api/kubernetes/strategic-merge.ts';
import type { JsonObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';

export function serverSideApply(
  resource: Resource,
  current: Body | undefined,
  applied: JsonObject,
  _options: { readonly manager: string; readonly force: boolean },
): JsonObject {
  return strategicMerge(resource.schema, current ?? {}, applied);
}
