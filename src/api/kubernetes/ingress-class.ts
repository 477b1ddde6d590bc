import type { IngressClass } from './types.generated.ts';

/** `spec.controller` of the classes that davit's own gateway serves. */
export const ingressController = 'davit.dev/ingress';
/** The class that a cluster starts with. */
export const ownIngressClass = 'davit';
/** How classes were named before there was `spec.ingressClassName`. */
export const legacyClassAnnotation = 'kubernetes.io/ingress.class';
export const defaultClassAnnotation = 'ingressclass.kubernetes.io/is-default-class';

export function isDefaultClass({ metadata }: IngressClass): boolean {
  return metadata.annotations?.[defaultClassAnnotation] === 'true';
}
