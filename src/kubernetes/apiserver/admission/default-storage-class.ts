import { storageClasses } from '../../../api/kubernetes/kinds.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import { isNew, type AdmissionPlugin } from './plugin.ts';

const mark = 'storageclass.kubernetes.io/is-default-class';

/** A new claim that names no class gets the default one, the newest where several say they are it. */
export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  admit(request, { registry }) {
    const { object } = request;
    if (!isNew(request, 'persistentvolumeclaims') || object.spec?.['storageClassName'] !== undefined) return object;
    const found = registry.store
      .range(prefixOf(storageClasses))
      .entries.map(objectAt)
      .filter(({ metadata }) => metadata.annotations?.[mark] === 'true')
      .toSorted((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))[0];
    return found ? { ...object, spec: { ...object.spec, storageClassName: found.metadata.name } } : object;
  },
};
