import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, unreachable, verdictOf } from './failures.ts';

/** Codes and texts of etcd 3.4 (rpctypes) and of gRPC. */
const verdicts = [
  [14, 'no connection: connect ECONNREFUSED 127.0.0.1:1', 'elsewhere'],
  [14, 'etcdserver: no leader', 'elsewhere'],
  [14, 'etcdserver: leader changed', 'unknown'],
  [14, 'etcdserver: request timed out, possibly due to previous leader failure', 'unknown'],
  [14, 'etcdserver: server stopped', 'unknown'],
  [14, 'the connection broke: read ECONNRESET', 'unknown'],
  [4, 'Deadline exceeded after 8.0s', 'unknown'],
  [13, 'Received RST_STREAM with code 2', 'unknown'],
  [11, 'etcdserver: mvcc: required revision has been compacted', 'final'],
  [3, 'etcdserver: request is too large', 'final'],
  [8, 'etcdserver: mvcc: database space exceeded', 'final'],
] as const;

for (const [code, details, verdict] of verdicts) {
  test(`a call that ended with "${details.slice(0, 60)}" is ${verdict}`, () => assert.equal(verdictOf({ code, details }), verdict));
}

test('errors carry a kind and advice', () => {
  assert.equal(errorOf({ code: 11, details: 'etcdserver: mvcc: required revision has been compacted' }, 'read').kind, 'expired');
  assert.equal(errorOf({ code: 11, details: 'etcdserver: mvcc: required revision is a future revision' }, 'read').kind, 'internal');
  const full = errorOf({ code: 8, details: 'etcdserver: mvcc: database space exceeded' }, 'write to etcd');
  assert.equal(full.kind, 'tooMany');
  assert.match(full.message, /^write to etcd: .*davit store compact.*defragment.*alarm disarm/);
});

test('each endpoint is named with its reason', () => {
  const error = unreachable('read from etcd', new Map([['http://a:1', 'connect ECONNREFUSED']]));
  assert.equal(
    error.message,
    'read from etcd: no etcd endpoint answered (http://a:1: connect ECONNREFUSED). Check that etcd runs and that --etcd-endpoints names its client URLs.',
  );
});
