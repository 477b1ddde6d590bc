import { configMaps, namespaces, serviceAccounts, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import { getIfExists } from '../owned.ts';
import { ownKey, type Reconciler, type Trigger } from '../reconciler.ts';

const rootCaName = 'kube-root-ca.crt';

/** Gives every namespace its ServiceAccount `default` and the cluster's authority as ConfigMap `kube-root-ca.crt`. */
export function namespaceDefaultsController(rootCa: string): Reconciler {
  return {
    name: 'root-ca-certificate-publisher',
    triggers: [
      { kind: namespaces, keysOf: ownKey },
      { kind: serviceAccounts, keysOf: namespaceOf('default') },
      { kind: configMaps, keysOf: namespaceOf(rootCaName) },
    ],
    async reconcile({ client }, { name: namespace }) {
      const found = await getIfExists(client, namespaces, { name: namespace });
      if (!found || found.metadata.deletionTimestamp) return undefined;
      if (!(await getIfExists(client, serviceAccounts, { namespace, name: 'default' }))) {
        const metadata = { namespace, name: 'default' };
        await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }).catch(ignoreExisting);
      }
      const published = await getIfExists(client, configMaps, { namespace, name: rootCaName });
      const data = { 'ca.crt': rootCa };
      if (!published) {
        const annotations = { 'kubernetes.io/description': 'Contains a CA bundle that can be used to verify the kube-apiserver.' };
        const metadata = { namespace, name: rootCaName, annotations };
        await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }).catch(ignoreExisting);
      } else if (published.data?.['ca.crt'] !== rootCa) {
        await client.update(configMaps, { ...published, data });
      }
      return undefined;
    },
  };
}

function namespaceOf(name: string): Trigger['keysOf'] {
  return ({ metadata }: KubernetesObject) => (metadata.name === name && metadata.namespace ? [{ name: metadata.namespace }] : []);
}

function ignoreExisting(error: unknown): void {
  if (!isKind(error, 'alreadyExists')) throw error;
}
