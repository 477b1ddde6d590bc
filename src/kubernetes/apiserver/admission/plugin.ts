import type { Registry } from '../registry/registry.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import type { Authorizer } from '../access/authorize.ts';
import type { Body } from '../strategies/strategy.ts';

/** What admission plug-ins may look at. */
export interface AdmissionContext {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
}

/** One of the API server's own rules about writes. */
export interface AdmissionPlugin {
  readonly name: string;
  /** The object as it is to be written instead; may throw. */
  admit?(request: AdmissionRequest, context: AdmissionContext): Body | Promise<Body>;
  /** Throws what the client is to be told. */
  validate?(request: AdmissionRequest, context: AdmissionContext): void | Promise<void>;
}

export const isNew = (request: AdmissionRequest, resource: string): boolean =>
  request.operation === 'CREATE' && request.resource.resource === resource && request.subresource === undefined;
