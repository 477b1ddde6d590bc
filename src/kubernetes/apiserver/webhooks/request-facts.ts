import { userInfo } from '../access/reviews.ts';
import { celValue } from '../cel/values.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import type { Registry } from '../registry/registry.ts';
import { namespaceOf } from './matching.ts';

/** The request as AdmissionReview and expressions describe it. */
export function requestFacts(request: AdmissionRequest): Readonly<Record<string, unknown>> {
  const { resource, subresource, operation, name, namespace, user, dryRun, options } = request;
  const kind = { group: resource.group, version: resource.version, kind: resource.kind };
  const target = { group: resource.group, version: resource.version, resource: resource.resource };
  return {
    kind,
    resource: target,
    ...(subresource && { subResource: subresource }),
    requestKind: kind,
    requestResource: target,
    ...(subresource && { requestSubResource: subresource }),
    name,
    ...(namespace !== undefined && { namespace }),
    operation,
    userInfo: userInfo(user),
    dryRun,
    options: options ?? null,
  };
}

/** The values of policyVariables. */
export function expressionFacts(request: AdmissionRequest, registry: Registry): Readonly<Record<string, unknown>> {
  const { operation, object, before } = request;
  const namespace = namespaceOf(request, registry);
  return {
    object: operation === 'DELETE' ? null : celValue(object),
    oldObject: operation === 'CREATE' ? null : celValue(before ?? object),
    request: celValue(requestFacts(request)),
    namespaceObject: namespace ? celValue(namespace) : null,
    params: null,
    variables: {},
  };
}
