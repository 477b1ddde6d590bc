import { KindError } from '../../base/errors.ts';

/**
 * Reads Kubernetes' protobuf form of the objects that kubectl's typed commands send (`create namespace`, `create secret`,
 * `auth can-i`, `drain` …). All else is refused rather than read in part: clients may always send JSON.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 *
 *   body = "k8s\0" + Unknown { 1: { 1: apiVersion, 2: kind }, 2: raw bytes of the object }
 */
export function decodeProtobuf(body: Uint8Array): unknown {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes.subarray(0, 4).toString('latin1') !== 'k8s\0') throw refused('the body does not start with the mark "k8s"');
  const envelope = fieldsOf(bytes.subarray(4));
  const typeMeta = read('TypeMeta', bytesAt(envelope, 1)) as { readonly apiVersion?: string; readonly kind?: string };
  const kind = typeMeta.kind ?? '';
  if (!(kind in messages)) throw refused(`kind ${kind} is not read as protobuf, send JSON`);
  return { ...typeMeta, ...(read(kind, bytesAt(envelope, 2)) as object) };
}

type Type = string;

/** Field number → name:type. Types: s string, i integer, p integer that may be zero, b boolean, y bytes, M map of strings, Y map of bytes; `*` repeated. */
const messages: Readonly<Record<string, Readonly<Record<number, `${string}:${Type}`>>>> = {
  TypeMeta: { 1: 'apiVersion:s', 2: 'kind:s' },
  ObjectMeta: {
    1: 'name:s',
    2: 'generateName:s',
    3: 'namespace:s',
    5: 'uid:s',
    6: 'resourceVersion:s',
    7: 'generation:i',
    8: 'creationTimestamp:Time',
    11: 'labels:M',
    12: 'annotations:M',
    13: 'ownerReferences:OwnerReference*',
    14: 'finalizers:s*',
  },
  OwnerReference: { 1: 'kind:s', 3: 'name:s', 4: 'uid:s', 5: 'apiVersion:s', 6: 'controller:b', 7: 'blockOwnerDeletion:b' },
  Namespace: { 1: 'metadata:ObjectMeta', 2: 'spec:NamespaceSpec', 3: 'status:Empty' },
  NamespaceSpec: { 1: 'finalizers:s*' },
  ConfigMap: { 1: 'metadata:ObjectMeta', 2: 'data:M', 3: 'binaryData:Y', 4: 'immutable:b' },
  Secret: { 1: 'metadata:ObjectMeta', 2: 'data:Y', 3: 'type:s', 4: 'stringData:M', 5: 'immutable:b' },
  ServiceAccount: { 1: 'metadata:ObjectMeta', 3: 'imagePullSecrets:LocalObjectReference*', 4: 'automountServiceAccountToken:b' },
  LocalObjectReference: { 1: 'name:s' },
  Service: { 1: 'metadata:ObjectMeta', 2: 'spec:ServiceSpec', 3: 'status:Empty' },
  ServiceSpec: {
    1: 'ports:ServicePort*',
    2: 'selector:M',
    3: 'clusterIP:s',
    4: 'type:s',
    5: 'externalIPs:s*',
    7: 'sessionAffinity:s',
    10: 'externalName:s',
    11: 'externalTrafficPolicy:s',
    18: 'clusterIPs:s*',
    22: 'internalTrafficPolicy:s',
  },
  ServicePort: { 1: 'name:s', 2: 'protocol:s', 3: 'port:i', 4: 'targetPort:IntOrString', 5: 'nodePort:i', 6: 'appProtocol:s' },
  Deployment: { 1: 'metadata:ObjectMeta', 2: 'spec:DeploymentSpec', 3: 'status:Empty' },
  DeploymentSpec: {
    1: 'replicas:p',
    2: 'selector:LabelSelector',
    3: 'template:PodTemplateSpec',
    4: 'strategy:DeploymentStrategy',
    5: 'minReadySeconds:i',
  },
  DeploymentStrategy: { 1: 'type:s' },
  LabelSelector: { 1: 'matchLabels:M' },
  PodTemplateSpec: { 1: 'metadata:ObjectMeta', 2: 'spec:PodSpec' },
  PodSpec: {
    2: 'containers:Container*',
    3: 'restartPolicy:s',
    4: 'terminationGracePeriodSeconds:p',
    6: 'dnsPolicy:s',
    7: 'nodeSelector:M',
    8: 'serviceAccountName:s',
  },
  Container: {
    1: 'name:s',
    2: 'image:s',
    3: 'command:s*',
    4: 'args:s*',
    5: 'workingDir:s',
    6: 'ports:ContainerPort*',
    7: 'env:EnvVar*',
    8: 'resources:Empty',
    14: 'imagePullPolicy:s',
  },
  ContainerPort: { 1: 'name:s', 2: 'hostPort:i', 3: 'containerPort:i', 4: 'protocol:s', 5: 'hostIP:s' },
  EnvVar: { 1: 'name:s', 2: 'value:s' },
  SelfSubjectReview: { 1: 'metadata:ObjectMeta', 2: 'status:Empty' },
  SelfSubjectAccessReview: { 1: 'metadata:ObjectMeta', 2: 'spec:AccessReviewSpec', 3: 'status:Empty' },
  SubjectAccessReview: { 1: 'metadata:ObjectMeta', 2: 'spec:SubjectAccessReviewSpec', 3: 'status:Empty' },
  AccessReviewSpec: { 1: 'resourceAttributes:ResourceAttributes', 2: 'nonResourceAttributes:NonResourceAttributes' },
  SubjectAccessReviewSpec: {
    1: 'resourceAttributes:ResourceAttributes',
    2: 'nonResourceAttributes:NonResourceAttributes',
    3: 'user:s',
    4: 'groups:s*',
  },
  ResourceAttributes: { 1: 'namespace:s', 2: 'verb:s', 3: 'group:s', 4: 'version:s', 5: 'resource:s', 6: 'subresource:s', 7: 'name:s' },
  NonResourceAttributes: { 1: 'path:s', 2: 'verb:s' },
  SelfSubjectRulesReview: { 1: 'metadata:ObjectMeta', 2: 'spec:RulesReviewSpec', 3: 'status:Empty' },
  RulesReviewSpec: { 1: 'namespace:s' },
  Eviction: { 1: 'metadata:ObjectMeta', 2: 'deleteOptions:DeleteOptions' },
  DeleteOptions: {
    1: 'gracePeriodSeconds:p',
    2: 'preconditions:Preconditions',
    3: 'orphanDependents:b',
    4: 'propagationPolicy:s',
    5: 'dryRun:s*',
  },
  Preconditions: { 1: 'uid:s', 2: 'resourceVersion:s' },
  IntOrString: { 1: 'type:p', 2: 'intVal:p', 3: 'strVal:s' },
  Time: { 1: 'seconds:p', 2: 'nanos:i' },
  Empty: {},
};

/** One field as it is on the wire: a number, or bytes. */
interface WireField {
  readonly number: number;
  readonly value: number | Buffer;
}

function* wireFields(bytes: Buffer): Generator<WireField> {
  let position = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes[position];
      if (byte === undefined || factor > 2 ** 63) throw refused('the body is cut off');
      position += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value >= 2 ** 63 ? value - 2 ** 64 : value;
      factor *= 128;
    }
  };
  while (position < bytes.length) {
    const tag = varint();
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) yield { number, value: varint() };
    else if (wireType === 2) {
      const end = varint() + position;
      if (end > bytes.length || end < position) throw refused('the body is cut off');
      yield { number, value: bytes.subarray(position, end) };
      position = end;
    } else throw refused(`wire type ${wireType} is not used by Kubernetes`);
  }
}

function fieldsOf(bytes: Buffer): readonly WireField[] {
  return [...wireFields(bytes)];
}

function bytesAt(fields: readonly WireField[], number: number): Buffer {
  const value = fields.find((field) => field.number === number)?.value;
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/** Go writes every field that is no pointer, also when it is zero: those say nothing. */
function isZero(value: number | Buffer): boolean {
  if (!Buffer.isBuffer(value)) return value === 0;
  return value.length === 0 || isEmptyMessage(value);
}

/** A message of nothing but zeros; text never looks like one, because its first byte is no valid tag of a zero field. */
function isEmptyMessage(bytes: Buffer): boolean {
  try {
    return fieldsOf(bytes).every((field) => isZero(field.value));
  } catch {
    return false;
  }
}

function read(message: string, bytes: Buffer): unknown {
  const known = messages[message] ?? {};
  const result: Record<string, unknown> = {};
  for (const { number, value } of wireFields(bytes)) {
    const [name = '', type = ''] = known[number]?.split(':') ?? [];
    if (name === '') {
      if (!isZero(value)) throw refused(`field ${number} of ${message} is not read as protobuf, send JSON`);
    } else if (type.endsWith('*'))
      result[name] = [...((result[name] as readonly unknown[] | undefined) ?? []), valueOf(type.slice(0, -1), value)];
    else if (type === 'M' || type === 'Y') result[name] = { ...(result[name] as object | undefined), ...mapEntry(type, value) };
    else {
      const decoded = valueOf(type, value);
      if (decoded !== undefined && decoded !== '' && !(type === 'i' && decoded === 0)) result[name] = decoded;
    }
  }
  return result;
}

function valueOf(type: Type, value: number | Buffer): unknown {
  if (!Buffer.isBuffer(value)) return type === 'b' ? value !== 0 : value;
  if (type === 's') return value.toString('utf8');
  if (type === 'y') return value.toString('base64');
  const message = read(type, value) as Readonly<Record<string, unknown>>;
  if (type === 'IntOrString') return message['type'] === 1 ? (message['strVal'] ?? '') : (message['intVal'] ?? 0);
  if (type !== 'Time') return message;
  const seconds = message['seconds'];
  return typeof seconds === 'number' ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') : undefined;
}

function mapEntry(type: 'M' | 'Y', value: number | Buffer): object {
  const fields = Buffer.isBuffer(value) ? fieldsOf(value) : [];
  return { [bytesAt(fields, 1).toString('utf8')]: valueOf(type === 'M' ? 's' : 'y', bytesAt(fields, 2)) };
}

function refused(why: string): KindError {
  return new KindError('notImplemented', `the body of the request was in an unknown format - ${why}`);
}
