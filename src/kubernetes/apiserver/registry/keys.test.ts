import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { keyOf, prefixOf } from './keys.ts';

const kind = (group: string, resource: string, namespaced: boolean): Kind<KubernetesObject> => ({
  group,
  version: 'v1',
  kind: resource,
  resource,
  namespaced,
});

/** As listed by `etcdctl get --prefix --keys-only /registry` beside kube-apiserver. */
const keys = [
  ['', 'pods', 'default', '/registry/pods/default/x'],
  ['', 'services', 'default', '/registry/services/specs/default/x'],
  ['', 'endpoints', 'default', '/registry/services/endpoints/default/x'],
  ['', 'nodes', undefined, '/registry/minions/x'],
  ['', 'replicationcontrollers', 'default', '/registry/controllers/default/x'],
  ['apps', 'deployments', 'default', '/registry/deployments/default/x'],
  ['networking.k8s.io', 'ingresses', 'default', '/registry/ingress/default/x'],
  ['rbac.authorization.k8s.io', 'clusterroles', undefined, '/registry/clusterroles/x'],
  ['coordination.k8s.io', 'leases', 'kube-node-lease', '/registry/leases/kube-node-lease/x'],
  ['apiextensions.k8s.io', 'customresourcedefinitions', undefined, '/registry/apiextensions.k8s.io/customresourcedefinitions/x'],
  ['apiregistration.k8s.io', 'apiservices', undefined, '/registry/apiregistration.k8s.io/apiservices/x'],
  ['stable.example.com', 'crontabs', 'default', '/registry/stable.example.com/crontabs/default/x'],
  ['snapshot.storage.k8s.io', 'volumesnapshots', 'default', '/registry/snapshot.storage.k8s.io/volumesnapshots/default/x'],
  ['example.com', 'nodes', undefined, '/registry/example.com/nodes/x'],
] as const;

for (const [group, resource, namespace, key] of keys) {
  test(`the key of ${resource}.${group} is kube-apiserver's`, () => {
    const of = kind(group, resource, namespace !== undefined);
    assert.equal(keyOf(of, namespace, 'x'), key);
    assert(key.startsWith(prefixOf(of)));
  });
}
