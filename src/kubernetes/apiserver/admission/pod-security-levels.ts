import { arrayOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';

export type SecurityLevel = 'privileged' | 'baseline' | 'restricted';

const baselineCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]);
const restrictedVolumes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
  'image',
]);
const seLinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);

const quoted = (names: readonly string[]): string => names.map((one) => `"${one}"`).join(', ');
const containersOf = (spec: JsonObject): readonly JsonObject[] =>
  ['initContainers', 'containers', 'ephemeralContainers'].flatMap((field) => objectsOf(spec[field]));
const security = (one: JsonObject): JsonObject => objectOf(one['securityContext']);

/** `container "a" must not …`, `containers "a", "b" must not …` */
function ofContainers(all: readonly JsonObject[], what: string): string {
  const names = all.map((one) => textOf(one['name']));
  return `${names.length === 1 ? 'container' : 'containers'} ${quoted(names)} ${what}`;
}

type Check = (spec: JsonObject, metadata: JsonObject) => string | undefined;

const hostNamespaces: Check = (spec) => {
  const used = ['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true);
  return used.length > 0 ? `host namespaces (${used.map((one) => `${one}=true`).join(', ')})` : undefined;
};

const privileged: Check = (spec) => {
  const all = containersOf(spec).filter((one) => security(one)['privileged'] === true);
  return all.length > 0 ? `privileged (${ofContainers(all, 'must not set securityContext.privileged=true')})` : undefined;
};

const added = (one: JsonObject): readonly string[] => arrayOf(objectOf(security(one)['capabilities'])['add']).map(textOf);

const baselineCapability: Check = (spec) => {
  const all = containersOf(spec).filter((one) => added(one).some((name) => !baselineCapabilities.has(name)));
  const names = [...new Set(all.flatMap(added).filter((name) => !baselineCapabilities.has(name)))].toSorted();
  return all.length > 0
    ? `non-default capabilities (${ofContainers(all, `must not include ${quoted(names)} in securityContext.capabilities.add`)})`
    : undefined;
};

const hostPath: Check = (spec) => {
  const all = objectsOf(spec['volumes']).filter((one) => one['hostPath'] !== undefined);
  const names = all.map((one) => textOf(one['name']));
  return all.length > 0 ? `hostPath volumes (volume${names.length > 1 ? 's' : ''} ${quoted(names)})` : undefined;
};

const hostPorts: Check = (spec) => {
  const ports = (one: JsonObject): readonly number[] =>
    objectsOf(one['ports'])
      .map((port) => Number(port['hostPort'] ?? 0))
      .filter(Boolean);
  const all = containersOf(spec).filter((one) => ports(one).length > 0);
  const used = [...new Set(all.flatMap(ports))];
  return all.length > 0
    ? `hostPort (${ofContainers(all, `${all.length === 1 ? 'uses' : 'use'} hostPort${used.length > 1 ? 's' : ''} ${used.join(', ')}`)})`
    : undefined;
};

const seccompBaseline: Check = (spec) => {
  const isUnconfined = (one: JsonObject): boolean => objectOf(security(one)['seccompProfile'])['type'] === 'Unconfined';
  const all = containersOf(spec).filter(isUnconfined);
  const parts = [...(isUnconfined(spec) ? ['pod'] : []), ...(all.length > 0 ? [ofContainers(all, '').trim()] : [])];
  return parts.length > 0
    ? `seccompProfile (${parts.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined")`
    : undefined;
};

const seLinux: Check = (spec) => {
  const isWrong = (one: JsonObject): boolean => {
    const options = objectOf(security(one)['seLinuxOptions']);
    return !seLinuxTypes.has(textOf(options['type'])) || textOf(options['user']) !== '' || textOf(options['role']) !== '';
  };
  return [spec, ...containersOf(spec)].some(isWrong) ? 'seLinuxOptions (type, user or role may not be set)' : undefined;
};

const procMount: Check = (spec) => {
  const all = containersOf(spec).filter((one) => !['', 'Default'].includes(textOf(security(one)['procMount'])));
  return all.length > 0 ? `procMount (${ofContainers(all, 'must not set securityContext.procMount')})` : undefined;
};

const sysctls: Check = (spec) => {
  const wrong = objectsOf(security(spec)['sysctls'])
    .map((one) => textOf(one['name']))
    .filter((name) => !safeSysctls.has(name));
  return wrong.length > 0 ? `forbidden sysctls (${wrong.join(', ')})` : undefined;
};

const escalation: Check = (spec) => {
  const all = containersOf(spec).filter((one) => security(one)['allowPrivilegeEscalation'] !== false);
  return all.length > 0
    ? `allowPrivilegeEscalation != false (${ofContainers(all, 'must set securityContext.allowPrivilegeEscalation=false')})`
    : undefined;
};

const restrictedCapability: Check = (spec) => {
  const keeps = containersOf(spec).filter((one) => !arrayOf(objectOf(security(one)['capabilities'])['drop']).includes('ALL'));
  const adds = containersOf(spec).filter((one) => added(one).some((name) => name !== 'NET_BIND_SERVICE'));
  const names = [...new Set(adds.flatMap(added).filter((name) => name !== 'NET_BIND_SERVICE'))];
  const parts = [
    ...(keeps.length > 0 ? [ofContainers(keeps, 'must set securityContext.capabilities.drop=["ALL"]')] : []),
    ...(adds.length > 0 ? [ofContainers(adds, `must not include ${quoted(names)} in securityContext.capabilities.add`)] : []),
  ];
  return parts.length > 0 ? `unrestricted capabilities (${parts.join('; ')})` : undefined;
};

const volumeTypes: Check = (spec) => {
  const wrong = objectsOf(spec['volumes']).flatMap((one) => {
    const type = Object.keys(one).find((key) => key !== 'name') ?? 'emptyDir';
    return restrictedVolumes.has(type) ? [] : [{ name: textOf(one['name']), type }];
  });
  if (wrong.length === 0) return undefined;
  const [names, types] = [wrong.map((one) => one.name), [...new Set(wrong.map((one) => one.type))]];
  const [isMany, hasTypes] = [names.length > 1, types.length > 1];
  return `restricted volume types (volume${isMany ? 's' : ''} ${quoted(names)} ${isMany ? 'use' : 'uses'} restricted volume type${hasTypes ? 's' : ''} ${quoted(types)})`;
};

const nonRoot: Check = (spec) => {
  if (security(spec)['runAsNonRoot'] === true) {
    const all = containersOf(spec).filter((one) => security(one)['runAsNonRoot'] === false);
    return all.length > 0 ? `runAsNonRoot != true (${ofContainers(all, 'must not set securityContext.runAsNonRoot=false')})` : undefined;
  }
  const all = containersOf(spec).filter((one) => security(one)['runAsNonRoot'] !== true);
  if (all.length === 0) return undefined;
  return `runAsNonRoot != true (pod or ${ofContainers(all, 'must set securityContext.runAsNonRoot=true')})`;
};

const rootUser: Check = (spec) => {
  const all = containersOf(spec).filter((one) => security(one)['runAsUser'] === 0);
  const parts = [...(security(spec)['runAsUser'] === 0 ? ['pod'] : []), ...(all.length > 0 ? [ofContainers(all, '').trim()] : [])];
  return parts.length > 0 ? `runAsUser=0 (${parts.join(' and ')} must not set runAsUser=0)` : undefined;
};

const seccompRestricted: Check = (spec) => {
  const isSet = (one: JsonObject): boolean =>
    ['RuntimeDefault', 'Localhost'].includes(textOf(objectOf(security(one)['seccompProfile'])['type']));
  if (isSet(spec)) return undefined;
  const all = containersOf(spec).filter((one) => !isSet(one));
  if (all.length === 0) return undefined;
  return `seccompProfile (pod or ${ofContainers(all, 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"')})`;
};

const baseline: readonly Check[] = [
  baselineCapability,
  hostNamespaces,
  hostPath,
  hostPorts,
  privileged,
  procMount,
  seccompBaseline,
  seLinux,
  sysctls,
];
const restrictedOnly: readonly Check[] = [escalation, restrictedCapability, volumeTypes, nonRoot, rootUser, seccompRestricted];
/** What the restricted level says more strictly in a check of its own. */
const replaced = new Set<Check>([baselineCapability, seccompBaseline]);

/** Why a pod does not meet a level of the Pod Security Standards, in upstream's words. */
export function violationsOf(level: SecurityLevel, metadata: JsonObject, spec: JsonObject): readonly string[] {
  if (level === 'privileged') return [];
  const checks = level === 'baseline' ? baseline : [...baseline.filter((one) => !replaced.has(one)), ...restrictedOnly];
  return checks.map((check) => check(spec, metadata)).filter((one) => one !== undefined);
}
