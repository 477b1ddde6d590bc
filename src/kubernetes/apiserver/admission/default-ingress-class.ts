import { defaultClassAnnotation, legacyClassAnnotation } from '../../../api/kubernetes/ingress-class.ts';
import { ingressClasses } from '../../../api/kubernetes/kinds.ts';
import { newestDefault } from './default-storage-class.ts';
import { isNew, type AdmissionPlugin } from './plugin.ts';

/** A new Ingress that names no class, neither by field nor by the old annotation, gets the default one. */
export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  admit(request, { registry }) {
    const { object } = request;
    const isNamed = object.spec?.['ingressClassName'] !== undefined || object.metadata.annotations?.[legacyClassAnnotation] !== undefined;
    if (!isNew(request, 'ingresses') || isNamed) return object;
    const found = newestDefault(registry.store, ingressClasses, defaultClassAnnotation);
    return found ? { ...object, spec: { ...object.spec, ingressClassName: found.metadata.name } } : object;
  },
};
