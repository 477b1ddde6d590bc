import { namespaces, storageClasses } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import type { Reconciler } from '../reconciler.ts';
import { localClass } from './local-provisioner.ts';

/** Makes the default storage class when the cluster starts. Somebody who deletes it gets it back when it is next needed. */
export const defaultClassController: Reconciler = {
  name: 'default-storage-class',
  triggers: [{ kind: namespaces, keysOf: ({ metadata }) => (metadata.name === 'default' ? [{ name: 'default' }] : []) }],
  async reconcile({ client }) {
    await client.create(storageClasses, localClass).catch((error: unknown) => {
      if (!isKind(error, 'alreadyExists')) throw error;
    });
    return undefined;
  },
};
