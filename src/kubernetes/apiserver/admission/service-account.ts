import { randomSuffix } from '../../../base/ids.ts';
import { pods, serviceAccounts } from '../../../api/kubernetes/kinds.ts';
import type { ServiceAccount } from '../../../api/kubernetes/types.generated.ts';
import { objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import { objectAt } from '../registry/codec.ts';
import { keyOf } from '../registry/keys.ts';
import { forbidden } from '../status.ts';
import { isNew, type AdmissionPlugin } from './plugin.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const mirror = 'kubernetes.io/config.mirror';

/** Gives a new pod its account's token, which the kubelet keeps fresh, and the account's image pull secrets. */
export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  admit(request, { registry }) {
    const { object } = request;
    if (!isNew(request, 'pods') || object.metadata.annotations?.[mirror] !== undefined) return object;
    const spec = objectOf(object.spec);
    const name = textOf(spec['serviceAccountName']) || 'default';
    const { namespace = 'default' } = object.metadata;
    const entry = registry.store.get(keyOf(serviceAccounts, namespace, name));
    // A namespace's own account comes a moment after the namespace: the kubelet waits for it.
    if (!entry && name !== 'default') {
      const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
      throw forbidden(pods, object.metadata.name ?? '', why);
    }
    const account = entry ? (objectAt(entry) as unknown as ServiceAccount) : undefined;
    const secrets = objectsOf(spec['imagePullSecrets']).length > 0 ? spec['imagePullSecrets'] : account?.imagePullSecrets;
    const isMounted = spec['automountServiceAccountToken'] ?? account?.automountServiceAccountToken ?? true;
    const withSecrets = { ...spec, ...(secrets !== undefined && { imagePullSecrets: secrets }) };
    return { ...object, spec: isMounted === true ? withToken(withSecrets) : withSecrets };
  },
};

function withToken(spec: JsonObject): JsonObject {
  const known = objectsOf(spec['volumes']).find(({ name }) => textOf(name).startsWith('kube-api-access-'));
  const name = textOf(known?.['name']) || `kube-api-access-${randomSuffix(5)}`;
  const mounted = (field: string): JsonObject =>
    spec[field] === undefined ? {} : { [field]: objectsOf(spec[field]).map((container) => withMount(container, name)) };
  return {
    ...spec,
    ...mounted('initContainers'),
    ...mounted('containers'),
    volumes: known ? spec['volumes'] : [...objectsOf(spec['volumes']), volume(name)],
  };
}

function withMount(container: JsonObject, name: string): JsonObject {
  const mounts = objectsOf(container['volumeMounts']);
  if (mounts.some((mount) => mount['mountPath'] === mountPath)) return container;
  return { ...container, volumeMounts: [...mounts, { name, readOnly: true, mountPath }] };
}

function volume(name: string): JsonObject {
  const namespace = { path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } };
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [namespace] } },
      ],
    },
  };
}
