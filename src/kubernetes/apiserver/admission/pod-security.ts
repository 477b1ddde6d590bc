import { namespaces, pods } from '../../../api/kubernetes/kinds.ts';
import { at, objectOf, type JsonObject } from '../json.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { resourceOf } from '../resources.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';
import { violationsOf, type SecurityLevel } from './pod-security-levels.ts';

const prefix = 'pod-security.kubernetes.io/';
const templated = new Set(['deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs', 'replicationcontrollers', 'podtemplates']);

/** Pod Security Standards: a namespace's labels say which level is enforced, and of which clients are warned. */
export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  validate(request, context) {
    const { resource, operation, subresource } = request;
    const isPod = resource.resource === pods.resource && resource.group === '';
    const isWritten =
      operation === 'CREATE' || (operation === 'UPDATE' && (subresource === undefined || subresource === 'ephemeralcontainers'));
    if (!isWritten || request.namespace === undefined) return;
    if (!isPod && !templated.has(resource.resource) && resource.resource !== 'cronjobs') return;
    const levels = levelsOf(request, context);
    const spec = isPod ? objectOf(request.object.spec) : templateOf(request);
    const metadata = objectOf(isPod ? request.object.metadata : {});
    if (isPod) {
      const wrong = violationsOf(levels.enforce.level, metadata, spec);
      if (wrong.length > 0) {
        throw forbidden(
          resource,
          request.name,
          `violates PodSecurity "${levels.enforce.level}:${levels.enforce.version}": ${wrong.join(', ')}`,
        );
      }
    }
    const warned = violationsOf(levels.warn.level, metadata, spec);
    if (warned.length > 0) request.warn(`would violate PodSecurity "${levels.warn.level}:${levels.warn.version}": ${warned.join(', ')}`);
  },
};

function templateOf({ resource, object }: AdmissionRequest): JsonObject {
  if (resource.resource === 'podtemplates') return objectOf(at(object, 'template', 'spec'));
  const path = resource.resource === 'cronjobs' ? ['spec', 'jobTemplate', 'spec', 'template', 'spec'] : ['spec', 'template', 'spec'];
  return objectOf(at(object, ...path));
}

interface Level {
  readonly level: SecurityLevel;
  readonly version: string;
}

function levelsOf({ namespace = '' }: AdmissionRequest, { registry }: AdmissionContext): { readonly enforce: Level; readonly warn: Level } {
  const labels = registry.peek(resourceOf(namespaces), { name: namespace })?.metadata.labels ?? {};
  const read = (mode: string): Level => {
    const level = labels[`${prefix}${mode}`];
    const known = level === 'baseline' || level === 'restricted' ? level : 'privileged';
    return { level: known, version: labels[`${prefix}${mode}-version`] ?? 'latest' };
  };
  return { enforce: read('enforce'), warn: read('warn') };
}
