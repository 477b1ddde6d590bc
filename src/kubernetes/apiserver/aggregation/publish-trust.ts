import { configMaps } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import { equal, isObject } from '../json.ts';
import { keyOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';

const place = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

/** Whom servers behind davit may believe: clients' certificates, and davit itself when it says for whom it asks. */
export function trustData(clientCa: string, frontProxyCa: string): Readonly<Record<string, string>> {
  return {
    'client-ca-file': clientCa,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-client-ca-file': frontProxyCa,
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  };
}

/** Keeps it where extension servers read it, until the signal aborts. */
export async function keepTrust(registry: Registry, data: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  const after = registry.store.revision;
  await publish(registry, data);
  const key = keyOf(configMaps, place.namespace, place.name);
  for await (const _changes of registry.store.watch(key, { after }, signal)) await publish(registry, data);
}

async function publish(registry: Registry, data: Readonly<Record<string, string>>): Promise<void> {
  const resource = resourceOf(configMaps);
  const current = registry.peek(resource, place);
  try {
    if (!current) await registry.create(resource, place.namespace, { apiVersion: 'v1', kind: 'ConfigMap', metadata: place, data });
    else if (!contains(current['data'], data)) {
      await registry.update(resource, place, (now) => ({ ...now, data: { ...(isObject(now['data']) && now['data']), ...data } }));
    }
  } catch (error) {
    // Somebody was quicker: the watch brings us here again.
    if (!isKind(error, 'alreadyExists') && !isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
  }
}

function contains(found: unknown, data: Readonly<Record<string, string>>): boolean {
  return isObject(found) && Object.entries(data).every(([key, value]) => equal(found[key], value));
}
