import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResolver, parseUpstreams, resolversFor } from './upstreams.ts';

const configured = (data: Readonly<Record<string, string>>): ReturnType<typeof parseUpstreams> =>
  parseUpstreams({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-dns' }, data });

test('resolvers with and without a port', () => {
  assert.deepEqual(parseResolver('10.0.0.2'), { address: '10.0.0.2', port: 53 });
  assert.deepEqual(parseResolver('10.0.0.2:5353'), { address: '10.0.0.2', port: 5353 });
  assert.deepEqual(parseResolver('[2001:db8::1]:5353'), { address: '2001:db8::1', port: 5353 });
  for (const wrong of ['', 'dns.google', '10.0.0.2:0', '10.0.0.2:99999']) assert.equal(parseResolver(wrong), undefined);
});

test('the longest stub domain wins, then the named servers, then the host’s', () => {
  const { upstreams, problems } = configured({
    stubDomains: '{"acme.local": ["10.0.0.2"], "dev.acme.local.": ["10.0.0.3"]}',
    upstreamNameservers: '["8.8.8.8"]',
  });
  assert.deepEqual(problems, []);
  const asks = (name: string, from = upstreams): string[] =>
    resolversFor(from, name, () => [{ address: 'host', port: 53 }]).map((one) => one.address);
  assert.deepEqual(asks('x.dev.acme.local'), ['10.0.0.3']);
  assert.deepEqual(asks('X.Acme.Local.'), ['10.0.0.2']);
  assert.deepEqual(asks('example.org'), ['8.8.8.8']);
  assert.deepEqual(asks('example.org', parseUpstreams(undefined).upstreams), ['host']);
});

test('what cannot be read is named', () => {
  const { upstreams, problems } = configured({ stubDomains: '{', upstreamNameservers: '["dns"]' });
  assert.deepEqual(problems, ['stubDomains is not JSON', 'upstreamNameservers: "dns" is no address']);
  assert.equal(upstreams.nameservers, undefined);
});
