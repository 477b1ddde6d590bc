import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findResource } from '../resources.ts';
import { qosClass } from './pod-defaults.ts';
import type { Body } from './strategy.ts';

const container = { name: 'c', image: 'i:1' };
const labels = { app: 'a' };
const workload = (spec: object = {}): Body => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } }, ...spec },
});
const pod = (spec: object): Body => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [container], ...spec },
});
const service = (spec: Readonly<Record<string, unknown>>): Body => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec });

function causesOf(group: string, resource: string, object: Body, before?: Body): readonly string[] {
  const strategy = findResource(group, 'v1', resource)?.strategy;
  assert(strategy);
  const full = strategy.defaults(object);
  const causes = before ? strategy.validateUpdate(full, strategy.defaults(before)) : strategy.validate(full);
  return causes.map((cause) => `${cause.field}: ${cause.message}`);
}

const web = { ports: [{ port: 80 }] };

const rows: readonly [what: string, causes: readonly string[], expected: readonly string[]][] = [
  [
    'two address families where pods have one',
    causesOf('', 'services', service({ ...web, ipFamilies: ['IPv6'], ipFamilyPolicy: 'RequireDualStack' })),
    [
      'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ],
  ],
  [
    'traffic words',
    causesOf(
      '',
      'services',
      service({ ...web, trafficDistribution: 'Near', internalTrafficPolicy: 'Here', externalTrafficPolicy: 'Local' }),
    ),
    [
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
      'spec.internalTrafficPolicy: Unsupported value: "Here": supported values: "Cluster", "Local"',
      'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  ],
  [
    'source ranges',
    causesOf('', 'services', service({ ...web, type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8', 'x'] })),
    ['spec.loadBalancerSourceRanges[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
  [
    'source ranges without a balancer',
    causesOf('', 'services', service({ ...web, loadBalancerSourceRanges: ['10.0.0.0/8'] })),
    ["spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
  ],
  [
    'affinity without time',
    causesOf('', 'services', service({ ...web, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } })),
    ['spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400'],
  ],
  ['a sound deployment', causesOf('apps', 'deployments', workload()), []],
  ['no selector', causesOf('apps', 'deployments', workload({ selector: undefined })), ['spec.selector: Required value']],
  [
    'selector of other pods',
    causesOf('apps', 'deployments', workload({ selector: { matchLabels: { app: 'b' } } })),
    ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'],
  ],
  [
    'another selector',
    causesOf('apps', 'deployments', workload({ selector: { matchLabels: { app: 'b' } } }), workload()),
    ['spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'],
  ],
  [
    'strategy',
    causesOf('apps', 'deployments', workload({ strategy: { type: 'Fast' } })),
    ['spec.strategy.type: Unsupported value: "Fast": supported values: "Recreate", "RollingUpdate"'],
  ],
  ['scaling a stateful set', causesOf('apps', 'statefulsets', workload({ replicas: 3 }), workload()), []],
  [
    'mount without volume',
    causesOf('', 'pods', pod({ containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] })),
    ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
  ],
  [
    'request above limit',
    causesOf('', 'pods', pod({ containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '500m' } } }] })),
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 500m'],
  ],
  ['two of a name', causesOf('', 'pods', pod({ containers: [container, container] })), ['spec.containers[1].name: Duplicate value: "c"']],
  ['a new image', causesOf('', 'pods', pod({ containers: [{ ...container, image: 'i:2' }] }), pod({})), []],
  [
    'port out of range',
    causesOf('', 'services', service({ ports: [{ port: 0 }] })).slice(0, 1),
    ['spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
  ],
  [
    'unnamed ports',
    causesOf('', 'services', service({ ports: [{ port: 1, name: 'a' }, { port: 2 }] })),
    ['spec.ports[1].name: Required value'],
  ],
];

test('validation texts', () => {
  for (const [what, actual, expected] of rows) assert.deepEqual(actual, expected, what);
});

test('what an update of a running pod may not change', () => {
  const [text = ''] = causesOf('', 'pods', pod({ hostNetwork: true }), pod({}));
  assert.match(text, /^spec: Forbidden: pod updates may not change fields other than/);
});

test('quality of service', () => {
  const resources = (requests?: object, limits?: object): object => ({ containers: [{ ...container, resources: { requests, limits } }] });
  const both = { cpu: '1', memory: '1Gi' };
  assert.equal(qosClass(resources() as never), 'BestEffort');
  assert.equal(qosClass(resources(both, both) as never), 'Guaranteed');
  assert.equal(qosClass(resources({ cpu: '1' }) as never), 'Burstable');
});
