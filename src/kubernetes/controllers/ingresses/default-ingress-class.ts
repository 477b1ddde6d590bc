import { defaultClassAnnotation, ingressController, ownIngressClass } from '../../../api/kubernetes/ingress-class.ts';
import { ingressClasses, namespaces } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import type { Reconciler } from '../reconciler.ts';

/** Makes the class of davit's own gateway when the cluster starts, as the default one. */
export const defaultIngressClassController: Reconciler = {
  name: 'default-ingress-class',
  triggers: [{ kind: namespaces, keysOf: ({ metadata }) => (metadata.name === 'default' ? [{ name: 'default' }] : []) }],
  async reconcile({ client }) {
    const metadata = { name: ownIngressClass, annotations: { [defaultClassAnnotation]: 'true' } };
    const ingressClass = { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata, spec: { controller: ingressController } };
    await client.create(ingressClasses, ingressClass).catch((error: unknown) => {
      if (!isKind(error, 'alreadyExists')) throw error;
    });
    return undefined;
  },
};
