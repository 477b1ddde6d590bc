import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { containerSpecOf } from './container-spec.ts';
import { hostDns } from './host-dns.ts';
import { appContainer, podOf } from './pod.fake.ts';
import { limitsOf, podLimitsOf, qosOf } from './resources.ts';
import { sandboxSpecOf } from './sandbox-spec.ts';
import { securityOf } from './security.ts';

const resources = (requests?: Record<string, string>, limits?: Record<string, string>): Pod =>
  podOf({ containers: [appContainer({ resources: { requests, limits } })] });

test('QoS follows requests and limits', () => {
  assert.equal(qosOf(podOf()), 'BestEffort');
  assert.equal(qosOf(resources({ cpu: '100m' })), 'Burstable');
  assert.equal(qosOf(resources(undefined, { cpu: '1', memory: '1Gi' })), 'Guaranteed');
  assert.equal(qosOf(resources({ cpu: '500m', memory: '1Gi' }, { cpu: '1', memory: '1Gi' })), 'Burstable');
});

test('limits in the kernel’s units', () => {
  const pod = resources({ cpu: '250m' }, { cpu: '500m', memory: '64Mi' });
  const [container = appContainer()] = pod.spec?.containers ?? [];
  assert.deepEqual(limitsOf(pod, container, 2 ** 30), {
    memoryBytes: 67_108_864,
    memorySwapBytes: 67_108_864,
    cpuPeriodUs: 100_000,
    cpuQuotaUs: 50_000,
    cpuShares: 256,
    oomScoreAdj: 937,
  });
  assert.deepEqual(podLimitsOf(pod), { memoryBytes: 67_108_864, cpuPeriodUs: 100_000, cpuQuotaUs: 50_000, cpuShares: 256 });
  assert.deepEqual(podLimitsOf(podOf()), { cpuShares: 2 });
});

test('runAsNonRoot is kept, in the kubelet’s words', () => {
  const pod = podOf({ securityContext: { runAsNonRoot: true } });
  assert.throws(() => securityOf(pod, appContainer(), ''), /container has runAsNonRoot and image will run as root/);
  assert.throws(() => securityOf(pod, appContainer(), 'appuser'), /image has non-numeric user \(appuser\)/);
  assert.throws(() => securityOf(pod, appContainer({ securityContext: { runAsUser: 0 } }), ''), /runAsUser breaks non-root policy/);
  assert.equal(securityOf(pod, appContainer(), '1000').user, undefined);
  assert.equal(securityOf(pod, appContainer({ securityContext: { runAsUser: 5, runAsGroup: 6 } }), '').user, '5:6');
});

test('a container is known again by name and labels, and its words are expanded', () => {
  const container = appContainer({ command: ['echo', '$(A)'], args: ['$(B)'] });
  const facts = {
    attempt: 2,
    environment: new Map([['A', '1']]),
    mounts: [],
    imageUser: '',
    cgroupParent: '/davit/pods/u1',
    memoryCapacity: 1,
    terminationLog: '/t',
  };
  const spec = containerSpecOf(podOf(), container, facts);
  assert.equal(spec.name, 'k8s_app_web_default_u1_2');
  assert.equal(spec.labels?.['io.kubernetes.pod.uid'], 'u1');
  assert.deepEqual([spec.entrypoint, spec.command, spec.env], [['echo', '1'], ['$(B)'], ['A=1']]);
  assert.equal(spec.sandbox, 'u1');
});

const hostFacts = {
  network: 'pods',
  clusterDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  nodeName: 'n1',
  hostDns: { servers: ['9.9.9.9'], search: ['corp'], options: [] },
};

test('DNS by policy', () => {
  const dns = (spec: Partial<NonNullable<Pod['spec']>>) => sandboxSpecOf(podOf(spec), hostFacts).dns;
  const search = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp'];
  assert.deepEqual(dns({}), { servers: ['10.96.0.10'], search, options: ['ndots:5'] });
  assert.deepEqual(dns({ dnsPolicy: 'Default' }), hostFacts.hostDns);
  assert.deepEqual(dns({ hostNetwork: true }).servers, ['9.9.9.9']);
  const dnsConfig = { nameservers: ['1.1.1.1'], searches: ['x'], options: [{ name: 'ndots', value: '2' }] };
  assert.deepEqual(dns({ dnsPolicy: 'None', dnsConfig }), { servers: ['1.1.1.1'], search: ['x'], options: ['ndots:2'] });
  assert.deepEqual(dns({ dnsConfig }).options, ['ndots:2']);
});

test('a pod with a subdomain has a full name, which is its host name when it wants that', () => {
  const names = (spec: Partial<NonNullable<Pod['spec']>>) => {
    const { hostname, domainname } = sandboxSpecOf(podOf(spec), hostFacts);
    return [hostname, domainname];
  };
  assert.deepEqual(names({}), ['web', undefined]);
  assert.deepEqual(names({ setHostnameAsFQDN: true }), ['web', undefined]);
  assert.deepEqual(names({ hostname: 'db-0', subdomain: 'db' }), ['db-0', 'db.default.svc.cluster.local']);
  assert.deepEqual(names({ hostname: 'db-0', subdomain: 'db', setHostnameAsFQDN: true }), ['db-0.db.default.svc.cluster.local', undefined]);
  assert.throws(
    () => names({ subdomain: 'x'.repeat(50), setHostnameAsFQDN: true }),
    /is too long \(64 characters is the max, 80 characters requested\)/,
  );
});

test('host ports, aliases and sysctls belong to the sandbox', () => {
  const spec = sandboxSpecOf(
    podOf({
      containers: [appContainer({ ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] })],
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['a', 'b'] }],
      securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '1024' }] },
    }),
    hostFacts,
  );
  assert.deepEqual(spec.ports, [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }]);
  assert.deepEqual(spec.hosts, ['10.0.0.1 a b']);
  assert.deepEqual(spec.sysctls, { 'net.ipv4.ip_unprivileged_port_start': '1024' });
});

test('resolvers that only the host can reach are left out', () => {
  assert.deepEqual(hostDns('nameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch a b\noptions edns0\n'), {
    servers: ['9.9.9.9'],
    search: ['a', 'b'],
    options: ['edns0'],
  });
});
