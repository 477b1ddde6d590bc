import type { Admission, AdmissionRequest } from '../registry/admission.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { limitRanger } from './limit-ranger.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podSecurity } from './pod-security.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { serviceAccount } from './service-account.ts';
import { quotaLock, reserveQuota } from './resource-quota.ts';

/** In upstream's order. */
const plugins: readonly AdmissionPlugin[] = [
  limitRanger,
  serviceAccount,
  nodeRestriction,
  podSecurity,
  defaultStorageClass,
  rbacEscalation,
];

/** All plug-ins, one after the other: first those that change the object, then all that judge what has become of it. */
export function admissionChain(context: AdmissionContext): Admission {
  return {
    async mutate(request) {
      let { object } = request;
      for (const plugin of plugins) object = (await plugin.admit?.({ ...request, object }, context)) ?? object;
      return object;
    },
    async validate(request) {
      for (const plugin of plugins) await plugin.validate?.(request, context);
    },
    lockOf: (request: AdmissionRequest) => quotaLock(request, context),
    reserve: (request: AdmissionRequest) => reserveQuota(request, context),
  };
}
