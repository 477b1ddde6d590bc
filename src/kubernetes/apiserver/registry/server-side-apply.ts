import { apply, type Conflict } from '../../../api/kubernetes/apply.ts';
import { objectOf, type JsonObject } from '../json.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { timestamp } from '../timestamp.ts';

export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
}

/** The object that a server-side apply makes of the current one, or of nothing. */
export function serverSideApply(resource: Resource, current: Body | undefined, applied: JsonObject, options: ApplyOptions): JsonObject {
  const metadata = objectOf(applied['metadata']);
  if (metadata['managedFields'] !== undefined && (metadata['managedFields'] as readonly unknown[] | null)?.length !== 0) {
    throw apiError('BadRequest', 'metadata.managedFields must be nil');
  }
  const base = current ?? { apiVersion: apiVersion(resource), kind: resource.kind, metadata: {} };
  const { object, conflicts } = apply(resource.type, base, applied, { ...options, time: timestamp(new Date()) });
  if (conflicts.length > 0) throw conflictError(conflicts);
  return object;
}

/** `Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas` */
function conflictError(conflicts: readonly Conflict[]): Error {
  const using = ({ manager, operation, apiVersion: version }: Conflict): string =>
    `conflict with "${manager}"${operation === 'Update' ? ` using ${version}` : ''}`;
  const groups = [...Map.groupBy(conflicts, using)];
  const lines = groups.map(([who, fields]) =>
    fields.length === 1 ? `${who}: ${fields[0]?.field}` : `${who}:\n${fields.map((one) => `- ${one.field}`).join('\n')}`,
  );
  const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
  const message = `Apply failed with ${count}: ${groups.length === 1 ? lines[0] : `conflicts ${lines.join('\n').replaceAll('conflict with', 'with')}`}`;
  const causes = conflicts.map((one) => ({ reason: 'FieldManagerConflict', message: using(one), field: one.field }));
  return apiError('Conflict', message, { causes });
}
