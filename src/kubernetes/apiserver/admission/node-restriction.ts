import { nodeNameOf } from '../access/node-authorizer.ts';
import { equal, objectOf, textOf } from '../json.ts';
import { forbidden } from '../status.ts';
import type { AdmissionPlugin } from './plugin.ts';

/** Labels that a node may not give itself: workloads are kept apart by them. */
const isReserved = (label: string): boolean => /(^|\.)node-restriction\.kubernetes\.io\//.test(label);

/** A node writes its own Node and the pods bound to it, and makes only mirror pods. */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  validate({ resource, operation, user, object, before, name, subresource }) {
    const node = nodeNameOf(user);
    if (node === undefined || resource.group !== '') return;
    const refuse = (why: string): Error => forbidden(resource, name, why);
    if (resource.resource === 'nodes') {
      if (name !== node) throw refuse(`node "${node}" is not allowed to modify node "${name}"`);
      const labels = (one: typeof object | undefined): object =>
        Object.fromEntries(Object.entries(one?.metadata.labels ?? {}).filter(([key]) => isReserved(key)));
      if (!equal(labels(object), labels(before)))
        throw refuse(`is not allowed to modify labels: ${Object.keys(labels(object)).join(', ')}`);
      if (operation === 'UPDATE' && subresource === undefined && !equal(object.spec?.['taints'], before?.spec?.['taints'])) {
        throw refuse(`node "${node}" is not allowed to modify taints`);
      }
      return;
    }
    if (resource.resource !== 'pods') return;
    const home = textOf(objectOf((operation === 'CREATE' ? object : (before ?? object)).spec)['nodeName']);
    if (operation === 'CREATE' && !object.metadata.annotations?.['kubernetes.io/config.mirror']) {
      throw refuse(`pod does not have "kubernetes.io/config.mirror" annotation, node "${node}" can only create mirror pods`);
    }
    if (home !== node) throw refuse(`node "${node}" can only ${verbs[operation]} pods with spec.nodeName set to itself`);
  },
};

const verbs = { CREATE: 'create', UPDATE: 'update status for', DELETE: 'delete', CONNECT: 'connect to' } as const;
