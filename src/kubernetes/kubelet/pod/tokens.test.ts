import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { TokenClient, TokenSpec } from '../../client/client.ts';
import { PodTokens } from './tokens.ts';

function podWith(audience?: string): Pod {
  const sources = [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600, audience } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name: 'web', uid: 'u1' },
    spec: { containers: [], serviceAccountName: 'seller', volumes: [{ name: 'v', projected: { sources } }] },
  };
}

test('a token is asked for once, bound to its pod, and again after four fifths of its life', async () => {
  let now = 0;
  const asked: (TokenSpec & { readonly account: string })[] = [];
  const client: TokenClient = {
    requestToken: async ({ namespace, name }, spec) => {
      asked.push({ ...spec, account: `${namespace}/${name}` });
      return { token: `token-${asked.length}`, expirationTimestamp: new Date(now + 3_600_000).toISOString() };
    },
  };
  const tokens = new PodTokens(client, () => now);
  assert.deepEqual([...(await tokens.of(podWith()))], [['', 'token-1']]);
  now = 2_879_000;
  assert.equal((await tokens.of(podWith())).get(''), 'token-1');
  now = 2_881_000;
  assert.equal((await tokens.of(podWith())).get(''), 'token-2');
  assert.equal((await tokens.of(podWith('vault'))).get('vault'), 'token-3');
  assert.deepEqual(asked[2], {
    account: 'shop/seller',
    audiences: ['vault'],
    expirationSeconds: 3600,
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u1' },
  });
  tokens.forget('u1');
  assert.equal((await tokens.of(podWith())).get(''), 'token-4');
});

test('without a server that gives tokens there are none', async () => {
  assert.equal((await new PodTokens(undefined).of(podWith())).size, 0);
});
