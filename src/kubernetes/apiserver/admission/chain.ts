import type { Admission, AdmissionRequest } from '../registry/admission.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { limitRanger } from './limit-ranger.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podSecurity } from './pod-security.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { serviceAccount } from './service-account.ts';
import { validateByPolicies } from '../webhooks/admission-policies.ts';
import { mutateByWebhooks, validateByWebhooks } from '../webhooks/admission-webhooks.ts';
import { quotaLock, reserveQuota } from './resource-quota.ts';

/** In upstream's order. */
const plugins: readonly AdmissionPlugin[] = [
  limitRanger,
  serviceAccount,
  nodeRestriction,
  podSecurity,
  defaultStorageClass,
  defaultIngressClass,
  rbacEscalation,
];

/**
 * All plug-ins, one after the other: first those that change the object, mutating webhooks last, then all that judge what has
 * become of it, policies and validating webhooks last. A quota is charged right before the write.
 */
export function admissionChain(context: AdmissionContext): Admission {
  return {
    async mutate(request) {
      let { object } = request;
      for (const plugin of plugins) object = (await plugin.admit?.({ ...request, object }, context)) ?? object;
      return request.operation === 'DELETE' ? object : mutateByWebhooks({ ...request, object }, context.registry);
    },
    async validate(request) {
      for (const plugin of plugins) await plugin.validate?.(request, context);
      validateByPolicies(request, context.registry);
      await validateByWebhooks(request, context.registry);
    },
    lockOf: (request: AdmissionRequest) => quotaLock(request, context),
    reserve: (request: AdmissionRequest) => reserveQuota(request, context),
  };
}
