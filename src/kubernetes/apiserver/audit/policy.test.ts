import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extentOf, parsePolicy } from './policy.ts';

const policy = parsePolicy(
  `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:kube-proxy"], verbs: [watch], resources: [{group: "", resources: [endpoints, services]}]}
- {level: None, userGroups: ["system:authenticated"], nonResourceURLs: ["/api*", /version]}
- {level: None, resources: [{group: "", resources: [configmaps], resourceNames: [leader]}]}
- {level: Request, resources: [{group: "", resources: [configmaps]}], namespaces: [kube-system]}
- {level: Request, resources: [{group: "", resources: [nodes]}], namespaces: [""]}
- {level: RequestResponse, resources: [{group: "", resources: [pods, "*/scale"]}], omitStages: [ResponseStarted], omitManagedFields: true}
- {level: Metadata, resources: [{group: "", resources: ["pods/*", secrets]}, {group: apps}]}
`,
  'p.yaml',
);
const jane = { name: 'jane', groups: ['system:authenticated'] };
const proxy = { name: 'system:kube-proxy', groups: ['system:nodes'] };
const asked = (verb: string, resource: string, more: object = {}) => ({ verb, group: '', resource, ...more });

test('the first rule that matches decides, as in upstream', () => {
  const rows: readonly (readonly [Parameters<typeof extentOf>[1], Parameters<typeof extentOf>[2], string])[] = [
    [proxy, asked('watch', 'services'), 'None'],
    [proxy, asked('watch', 'secrets'), 'Metadata'],
    [jane, { verb: 'get', path: '/api/v1' }, 'None'],
    [jane, { verb: 'get', path: '/versions' }, 'None'],
    [jane, asked('get', 'configmaps', { name: 'leader', namespace: 'kube-system' }), 'None'],
    [jane, asked('get', 'configmaps', { namespace: 'kube-system' }), 'Request'],
    [jane, asked('get', 'nodes'), 'Request'],
    [jane, asked('get', 'pods', { namespace: 'a' }), 'RequestResponse'],
    [jane, asked('get', 'pods', { subresource: 'status' }), 'Metadata'],
    [jane, asked('get', 'replicationcontrollers', { subresource: 'scale' }), 'RequestResponse'],
    [jane, { ...asked('get', 'deployments'), group: 'apps' }, 'Metadata'],
    [undefined, asked('get', 'services'), 'None'],
  ];
  for (const [user, what, level] of rows) assert.equal(extentOf(policy, user, what).level, level, JSON.stringify(what));
  const { omitStages, omitManagedFields } = extentOf(policy, jane, asked('get', 'pods'));
  assert.deepEqual([omitStages, omitManagedFields], [['RequestReceived', 'ResponseStarted'], true]);
});

test('what is wrong with a policy is said', () => {
  const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';
  const rows: readonly (readonly [string, RegExp])[] = [
    ['kind: Policy', /the audit policy p\.yaml: want apiVersion: audit\.k8s\.io\/v1 and kind: Policy/],
    [head, /it has no rules/],
    [`${head}rules: [{level: All}]`, /rules\[0\]\.level: "All" is none of None, Metadata/],
    [`${head}rules: [{level: None, omitStages: [Begin]}]`, /rules\[0\]\.omitStages: "Begin" is none of/],
    [`${head}rules: [{level: None, namespaces: [a], nonResourceURLs: [/x]}]`, /cannot apply to both/],
    ['a: [', /p\.yaml/],
  ];
  for (const [text, message] of rows) assert.throws(() => parsePolicy(text, 'p.yaml'), { message, kind: 'invalid' });
});
