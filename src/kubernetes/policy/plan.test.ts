import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkPolicySpec } from '../../api/kubernetes/types.generated.ts';
import { planPolicies, type PolicyPod, type PolicyTable } from './plan.ts';
import { renderPolicies } from './render.ts';

const pod = (last: number, app: string, more: Partial<PolicyPod> = {}): PolicyPod => ({
  namespace: 'shop',
  labels: { app },
  ip: `10.244.0.${last}`,
  ports: [{ name: 'web', protocol: 'TCP', port: 8000 + last }],
  isLocal: true,
  ...more,
});
const pods = [pod(2, 'web'), pod(3, 'db'), pod(4, 'web', { isLocal: false }), pod(5, 'db', { namespace: 'other' })];
const namespaces = new Map([
  ['shop', { team: 'a' }],
  ['other', { team: 'b' }],
]);

function plan(...specs: readonly NetworkPolicySpec[]): PolicyTable {
  const policies = specs.map((spec, index) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace: 'shop', name: `p${index}` },
    spec,
  }));
  return planPolicies(policies, pods, namespaces);
}

const web = { matchLabels: { app: 'web' } };
const last = (ips: readonly string[]): string[] => ips.map((ip) => ip.replace('10.244.0.', ''));
const peersOf = (spec: NetworkPolicySpec): unknown => {
  const peers = plan(spec).ingress.policies[0]?.rules[0]?.peers;
  return peers === 'any' || peers === undefined ? peers : last(peers.ips);
};

test('a policy isolates the pods of its namespace that it selects, here', () => {
  const { ingress, egress } = plan({ podSelector: web });
  assert.deepEqual(
    ingress.groups.map(({ ips }) => last(ips)),
    [['2']],
  );
  assert.deepEqual(ingress.policies, [{ id: 'shop/p0', rules: [] }]);
  assert.deepEqual(egress, { policies: [], groups: [] });
  assert.deepEqual(
    plan({}).ingress.groups.map(({ ips }) => last(ips)),
    [['2', '3']],
  );
  assert.deepEqual(plan({ policyTypes: ['Egress'] }).ingress.groups, []);
});

test('pods that the same policies select are one group; allowed is what any of them allows', () => {
  const { groups } = plan({}, { podSelector: web }).ingress;
  assert.deepEqual(
    groups.map(({ policies, ips }) => [policies, last(ips)]),
    [
      [['shop/p0', 'shop/p1'], ['2']],
      [['shop/p0'], ['3']],
    ],
  );
});

test('peers: nothing named is anybody; a selector alone means this namespace; both must fit', () => {
  assert.equal(peersOf({ ingress: [{}] }), 'any');
  assert.deepEqual(peersOf({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'db' } } }] }] }), ['3']);
  assert.deepEqual(peersOf({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'b' } } }] }] }), ['5']);
  const both = { namespaceSelector: {}, podSelector: { matchLabels: { app: 'db' } } };
  assert.deepEqual(peersOf({ ingress: [{ from: [both] }] }), ['3', '5']);
  assert.deepEqual(peersOf({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'c' } } }] }] }), []);
});

test('ports: ranges join, names are looked up where the connection goes', () => {
  const ports = [{ port: 80 }, { port: 70, endPort: 79 }, { port: 443 }, { protocol: 'UDP' }, { port: 'web' }];
  const rule = plan({ podSelector: web, ingress: [{ ports }] }).ingress.policies[0]?.rules[0];
  assert(rule && rule.ports !== 'any');
  assert.deepEqual(
    [...rule.ports.numbers],
    [
      ['tcp', ['70-80', '443']],
      ['udp', []],
    ],
  );
  assert.deepEqual(rule.ports.named, ['10.244.0.2 . tcp . 8002']);
  const out = plan({ policyTypes: ['Egress'], egress: [{ to: [{ podSelector: web }], ports: [{ port: 'web' }] }] }).egress.policies[0]
    ?.rules[0];
  assert(out && out.ports !== 'any');
  assert.deepEqual(out.ports.named, ['10.244.0.2 . tcp . 8002', '10.244.0.4 . tcp . 8004']);
});

test('the text: peers times ports, blocks with their exceptions, everything else dropped', () => {
  const from = [
    { podSelector: web },
    { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.1.2.0/24'] } },
    { ipBlock: { cidr: '2001:db8::/32' } },
  ];
  const text = renderPolicies(plan({ podSelector: web, ingress: [{ from, ports: [{ port: 80 }, { protocol: 'UDP', port: 53 }] }] }));
  const lines = /chain ingress-shop\/p0 \{\n([\s\S]*?)\n\}/
    .exec(text)?.[1]
    ?.split('\n')
    .map((line) => line.trim());
  assert.deepEqual(lines, [
    'ip saddr @ingress-shop/p0-0 meta l4proto tcp th dport { 80 } accept',
    'ip saddr @ingress-shop/p0-0 meta l4proto udp th dport { 53 } accept',
    'ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } meta l4proto tcp th dport { 80 } accept',
    'ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } meta l4proto udp th dport { 53 } accept',
  ]);
  assert.match(text, /chain ingress-group-[0-9a-f]{16} \{\n {2}jump ingress-shop\/p0\n {2}drop\n\}/);
  assert.match(text, /elements = \{ 10\.244\.0\.2 : goto ingress-group-/);
});

test('the order of what is listed changes nothing', () => {
  const policies = ['b', 'a'].map((name) => ({ apiVersion: '', kind: '', metadata: { namespace: 'shop', name }, spec: { ingress: [{}] } }));
  const text = renderPolicies(planPolicies(policies, pods, namespaces));
  assert.equal(renderPolicies(planPolicies(policies.toReversed(), pods.toReversed(), namespaces)), text);
});
