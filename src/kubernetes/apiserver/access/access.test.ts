import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymous, type User } from './user.ts';
import { authorize, isAllowed } from './authorize.ts';
import { answerReview } from './reviews.ts';

const admin: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
const node: User = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };
const pods = { group: '', resource: 'pods', namespace: 'default' };

test('masters may all, anonymous only asks for health', () => {
  assert(isAllowed(admin, { verb: 'delete', group: '', resource: 'nodes', name: 'a' }));
  assert(isAllowed(anonymous, { verb: 'get', path: '/readyz' }));
  assert(!isAllowed(anonymous, { verb: 'get', path: '/api' }));
  assert(!isAllowed(anonymous, { verb: 'get', path: '/healthzX' }));
  assert.throws(() => authorize(anonymous, { verb: 'list', ...pods }), {
    message: 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
  });
});

test('a node reads what it runs, writes statuses, and its own Node alone', () => {
  assert(isAllowed(node, { verb: 'watch', ...pods }));
  assert(isAllowed(node, { verb: 'patch', ...pods, subresource: 'status', name: 'x' }));
  assert(!isAllowed(node, { verb: 'create', group: 'apps', resource: 'deployments', namespace: 'default' }));
  assert(!isAllowed(node, { verb: 'create', ...pods, subresource: 'exec', name: 'x' }));
  assert(isAllowed(node, { verb: 'update', group: '', resource: 'nodes', name: 'a' }));
  assert(!isAllowed(node, { verb: 'update', group: '', resource: 'nodes', name: 'b' }));
  assert(!isAllowed(node, { verb: 'delete', group: '', resource: 'nodes', name: 'a' }));
});

test('reviews tell who one is and what one may', () => {
  assert.deepEqual(answerReview('SelfSubjectReview', {}, admin)?.['status'], { userInfo: { username: admin.name, groups: admin.groups } });
  const spec = { resourceAttributes: { verb: 'create', group: 'apps', resource: 'deployments' } };
  assert.deepEqual(answerReview('SelfSubjectAccessReview', { spec }, admin)?.['status'], { allowed: true });
  const status = answerReview('SubjectAccessReview', { spec: { ...spec, user: 'joe' } }, admin)?.['status'] as { allowed: boolean };
  assert.equal(status.allowed, false);
  assert.equal(answerReview('Pod', {}, admin), undefined);
});
