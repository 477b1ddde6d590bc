import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxiesOf, proxyFor, withoutPassword } from './proxies.ts';

test('the environment, in large letters before small ones', () => {
  assert.deepEqual(proxiesOf({ HTTP_PROXY: 'a', http_proxy: 'b', https_proxy: 'c', no_proxy: 'd' }), { http: 'a', https: 'c', no: 'd' });
});

const proxies = { http: 'proxy:3128', https: 'http://u:p@secure:3128', no: '' };

test('by the scheme of the URL; an address without a scheme is an HTTP proxy; this machine is reached directly', () => {
  assert.equal(proxyFor(new URL('http://r.example/v2/'), proxies), 'http://proxy:3128');
  assert.equal(proxyFor(new URL('https://r.example/v2/'), proxies), 'http://u:p@secure:3128');
  assert.equal(proxyFor(new URL('https://r.example/'), { ...proxies, https: '' }), undefined);
  for (const host of ['localhost:5000', '127.0.0.1:5000', '127.8.0.1', '[::1]:5000'])
    assert.equal(proxyFor(new URL(`http://${host}/`), proxies), undefined);
});

const excluded: readonly (readonly [rules: string, host: string, isDirect: boolean])[] = [
  ['*', 'a.b', true],
  ['example.com', 'example.com', true],
  ['example.com', 'r.example.com', true],
  ['example.com', 'badexample.com', false],
  ['.example.com', 'example.com', false],
  ['*.example.com', 'r.example.com', true],
  ['a, example.com:5000', 'example.com:5000', true],
  ['example.com:5000', 'example.com:5001', false],
  ['example.com:80', 'example.com', true],
  ['10.0.0.0/8', '10.1.2.3:5000', true],
  ['10.0.0.0/8', '11.1.2.3', false],
  ['10.0.0.0/8', 'ten.example', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['fd00::/8', '[fd00::5]', true],
  ['[fd00::5]:5000', '[fd00::5]:5000', true],
  ['fd00::5', '[fd00::5]', true],
  ['10.0.0.0/x', '10.0.0.1', false],
  [',,', 'a.b', false],
];
for (const [rules, host, isDirect] of excluded)
  test(`NO_PROXY ${rules}: ${host} ${isDirect ? 'directly' : 'by the proxy'}`, () => {
    assert.equal(proxyFor(new URL(`http://${host}/`), { ...proxies, no: rules }) === undefined, isDirect);
  });

test('passwords are not shown', () => {
  assert.equal(withoutPassword('http://user:secret@proxy:3128'), 'http://xxxxx:xxxxx@proxy:3128');
  assert.equal(withoutPassword('http://proxy:3128'), 'http://proxy:3128');
});
