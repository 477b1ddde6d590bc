import { storageClasses, type Kind, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { Store } from '../../../store/store.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Body } from '../strategies/strategy.ts';
import { isNew, type AdmissionPlugin } from './plugin.ts';

const mark = 'storageclass.kubernetes.io/is-default-class';

/** A new claim that names no class gets the default one, the newest where several say they are it. */
export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  admit(request, { registry }) {
    const { object } = request;
    if (!isNew(request, 'persistentvolumeclaims') || object.spec?.['storageClassName'] !== undefined) return object;
    const found = newestDefault(registry.store, storageClasses, mark);
    return found ? { ...object, spec: { ...object.spec, storageClassName: found.metadata.name } } : object;
  },
};

/** Of the classes that say by their annotation that they are the default, the newest. */
export function newestDefault(store: Store, kind: Kind<KubernetesObject>, annotation: string): Body | undefined {
  return store
    .range(prefixOf(kind))
    .entries.map(objectAt)
    .filter(({ metadata }) => metadata.annotations?.[annotation] === 'true')
    .toSorted((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))[0];
}
