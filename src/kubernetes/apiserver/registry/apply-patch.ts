import { objectOf } from '../json.ts';
import type { Resource } from '../resources.ts';
import { notFound } from '../status.ts';
import { isKind } from '../../../base/errors.ts';
import { scaleOf, scaledBy } from '../subresources/scale.ts';
import { decodeBody, type FieldValidation } from './decode-body.ts';
import { patched, type PatchType } from './patch.ts';
import { serverSideApply } from './server-side-apply.ts';
import type { Place, Registry, WriteOptions } from './registry.ts';
import type { Body } from '../strategies/strategy.ts';

export interface PatchRequest extends WriteOptions {
  readonly type: PatchType | 'apply';
  readonly body: unknown;
  readonly subresource?: 'status' | 'scale';
  readonly validation: FieldValidation;
  readonly force?: boolean;
}

export interface Patched {
  readonly object: Body;
  readonly warnings: readonly string[];
  /** Server-side apply makes what is not there. */
  readonly isNew: boolean;
}

/** Reads, patches, checks and writes one object; tries again when somebody else was quicker. */
export async function applyPatch(registry: Registry, resource: Resource, place: Place, request: PatchRequest): Promise<Patched> {
  let warnings: readonly string[] = [];
  const change = (current: Body): Body => {
    const decoded = decodeBody(resource, changed(resource, current, request), request.validation);
    warnings = decoded.warnings;
    return decoded.object;
  };
  const isApply = request.type === 'apply';
  const subresource = request.subresource === 'status' ? ('status' as const) : undefined;
  const { dryRun, manager, user, warn } = request;
  const options = { dryRun, manager, user, warn, isApply, subresource };
  try {
    return { object: await registry.update(resource, place, change, options), warnings, isNew: false };
  } catch (error) {
    if (request.type !== 'apply' || request.subresource || !isKind(error, 'notFound')) throw error;
  }
  const fresh = serverSideApply(resource, undefined, objectOf(request.body), {
    manager: request.manager ?? 'unknown',
    force: request.force === true,
  });
  const decoded = decodeBody(resource, { ...fresh, metadata: { ...objectOf(fresh['metadata']), name: place.name } }, request.validation);
  return {
    object: await registry.create(resource, place.namespace, decoded.object, { ...options }),
    warnings: decoded.warnings,
    isNew: true,
  };
}

function changed(resource: Resource, current: Body, request: PatchRequest): unknown {
  if (request.subresource === 'scale') {
    if (!resource.hasScale) throw notFound(resource, current.metadata.name ?? '');
    const scale = patched(
      resource,
      scaleOf(current, resource) as unknown as Body,
      request.type === 'json' ? 'json' : 'merge',
      request.body,
    );
    return scaledBy(current, scale, resource);
  }
  if (request.type !== 'apply') return patched(resource, current, request.type, request.body);
  return serverSideApply(resource, current, objectOf(request.body), {
    manager: request.manager ?? 'unknown',
    force: request.force === true,
  });
}
