import { isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';

const volumeModes = ['configMap', 'secret', 'downwardAPI', 'projected'] as const;

/** PodSpec with everything that kube-apiserver fills in. */
export function podSpecDefaults(spec: JsonObject): JsonObject {
  const isHost = spec['hostNetwork'] === true;
  const containers = (field: string): JsonObject =>
    spec[field] === undefined ? {} : { [field]: objectsOf(spec[field]).map((one) => containerDefaults(one, isHost)) };
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
    ...containers('initContainers'),
    ...containers('containers'),
    ...containers('ephemeralContainers'),
    ...(spec['volumes'] !== undefined && { volumes: objectsOf(spec['volumes']).map(volumeDefaults) }),
    ...(textOf(spec['serviceAccountName']) && { serviceAccount: spec['serviceAccountName'] }),
  };
}

function containerDefaults(container: JsonObject, isHost: boolean): JsonObject {
  const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'].filter((name) => isObject(container[name]));
  return {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(textOf(container['image'])),
    ...container,
    resources: resourceDefaults(objectOf(container['resources'])),
    ...(container['ports'] !== undefined && { ports: objectsOf(container['ports']).map((port) => portDefaults(port, isHost)) }),
    ...(container['env'] !== undefined && { env: objectsOf(container['env']).map(envDefaults) }),
    ...Object.fromEntries(probes.map((name) => [name, probeDefaults(objectOf(container[name]))])),
  };
}

/** `Always` for a tag of `latest` or none, else `IfNotPresent`. */
function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** A limit without a request is also the request. */
function resourceDefaults(resources: JsonObject): JsonObject {
  if (!isObject(resources['limits'])) return resources;
  return { ...resources, requests: { ...resources['limits'], ...objectOf(resources['requests']) } };
}

function portDefaults(port: JsonObject, isHost: boolean): JsonObject {
  return {
    ...(isHost && port['hostPort'] === undefined && { hostPort: port['containerPort'] }),
    ...port,
    protocol: port['protocol'] ?? 'TCP',
  };
}

function envDefaults(variable: JsonObject): JsonObject {
  const source = objectOf(variable['valueFrom']);
  if (!isObject(source['fieldRef'])) return variable;
  return { ...variable, valueFrom: { ...source, fieldRef: { apiVersion: 'v1', ...source['fieldRef'] } } };
}

function probeDefaults(probe: JsonObject): JsonObject {
  const http = isObject(probe['httpGet']) ? { httpGet: { path: '/', scheme: 'HTTP', ...probe['httpGet'] } } : {};
  const grpc = isObject(probe['grpc']) ? { grpc: { service: '', ...probe['grpc'] } } : {};
  return { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3, ...nonZero(probe), ...http, ...grpc };
}

function nonZero(probe: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(probe).filter(([, value]) => value !== 0));
}

function volumeDefaults(volume: JsonObject): JsonObject {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) return { ...volume, emptyDir: {} };
  if (isObject(volume['hostPath'])) return { ...volume, hostPath: { type: '', ...volume['hostPath'] } };
  const kind = volumeModes.find((name) => isObject(volume[name]));
  if (!kind) return volume;
  const source = { defaultMode: 0o644, ...objectOf(volume[kind]) };
  if (kind !== 'projected') return { ...volume, [kind]: source };
  const parts = objectsOf(objectOf(volume[kind])['sources']).map((part) =>
    isObject(part['serviceAccountToken'])
      ? { ...part, serviceAccountToken: { expirationSeconds: 3600, ...part['serviceAccountToken'] } }
      : part,
  );
  return { ...volume, projected: { ...source, sources: parts } };
}

/** What admission adds to a pod (not to templates): priority, account (a mirror has none), tolerations of a lost node. */
export function podAdmission(spec: JsonObject, annotations: Readonly<Record<string, string>> = {}): JsonObject {
  const tolerations = objectsOf(spec['tolerations']);
  const missing = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter(
    (key) => !tolerations.some((one) => (one['key'] === key || one['key'] === undefined) && (one['effect'] ?? 'NoExecute') === 'NoExecute'),
  );
  const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  const isMirror = annotations['kubernetes.io/config.mirror'] !== undefined;
  const account = textOf(spec['serviceAccountName']) || (isMirror ? '' : 'default');
  return {
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    priority: 0,
    ...spec,
    ...(account && { serviceAccountName: account, serviceAccount: account }),
    tolerations: [...tolerations, ...added],
  };
}

/** `Guaranteed`: every container limits cpu and memory to what it requests; `BestEffort`: none names any. */
export function qosClass(spec: JsonObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...objectsOf(spec['containers']), ...objectsOf(spec['initContainers'])].map((one) => objectOf(one['resources']));
  const named = (resources: JsonObject, field: string): JsonObject => objectOf(resources[field]);
  const isEmpty = containers.every((one) =>
    ['cpu', 'memory'].every((name) => !named(one, 'limits')[name] && !named(one, 'requests')[name]),
  );
  if (isEmpty) return 'BestEffort';
  const isFull = containers.every((one) =>
    ['cpu', 'memory'].every((name) => {
      const [limit, request] = [named(one, 'limits')[name], named(one, 'requests')[name]];
      return limit !== undefined && String(limit) === String(request);
    }),
  );
  return isFull ? 'Guaranteed' : 'Burstable';
}
