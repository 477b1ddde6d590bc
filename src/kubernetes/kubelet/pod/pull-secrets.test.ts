import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../../api/kubernetes/types.generated.ts';
import { credentialsFor } from './pull-secrets.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const auth = (user: string): object => ({ auth: base64(`${user}:secret of ${user}`) });
const json = (auths: object): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
});
const legacy = (entries: object): Secret => ({
  ...json({}),
  type: 'kubernetes.io/dockercfg',
  data: { '.dockercfg': base64(JSON.stringify(entries)) },
});
const users = (image: string, ...secrets: readonly Secret[]): readonly string[] =>
  credentialsFor(image, secrets).map(({ username }) => username);

test('a registry is meant by its host, port and path, also with a scheme and the API version', () => {
  const secret = json({
    'https://registry.example.com:5000/v2/': auth('port'),
    'registry.example.com': auth('plain'),
    'registry.example.com/team': auth('team'),
  });
  assert.deepEqual(users('registry.example.com:5000/a:1', secret), ['port']);
  assert.deepEqual(users('registry.example.com/other/a:1', secret), ['plain']);
  assert.deepEqual(users('registry.example.com/team/a@sha256:' + '0'.repeat(64), secret), ['team', 'plain'], 'the nearer first');
  assert.deepEqual(users('elsewhere.example.com/a', secret), []);
});

test('a star stands for one label of a host', () => {
  const secret = json({ '*.example.com': auth('star'), 'r*.example.org:5000': auth('prefix') });
  assert.deepEqual(users('a.example.com/x', secret), ['star']);
  assert.deepEqual(users('a.b.example.com/x', secret), []);
  assert.deepEqual(users('registry.example.org:5000/x', secret), ['prefix']);
  assert.deepEqual(users('registry.example.org/x', secret), []);
});

test('Docker Hub is meant by its old name, and by docker.io', () => {
  assert.deepEqual(users('nginx:1', json({ 'https://index.docker.io/v1/': auth('hub') })), ['hub']);
  assert.deepEqual(users('team/app', json({ 'https://index.docker.io/v1/': auth('hub') })), ['hub']);
  assert.deepEqual(users('nginx', json({ 'docker.io': auth('short') })), ['short']);
  assert.deepEqual(users('localhost:5000/nginx', json({ 'https://index.docker.io/v1/': auth('hub') })), []);
});

test('both forms of secret are read, with user and password in one or in two fields', () => {
  const entry = { username: 'ann', password: 'pass:word', email: 'a@b' };
  assert.deepEqual(credentialsFor('r.io/x', [legacy({ 'r.io': entry })]), [{ username: 'ann', password: 'pass:word' }]);
  assert.deepEqual(credentialsFor('r.io/x', [json({ 'r.io': { ...entry, auth: base64('bob:a:b') } })]), [
    { username: 'bob', password: 'a:b' },
  ]);
  assert.deepEqual(users('r.io/x', json({ 'r.io': auth('first') }), legacy({ 'r.io': auth('second') })), ['first', 'second']);
});

test('a secret that cannot be read is told without its content', () => {
  const broken: Secret = { ...json({}), data: { '.dockerconfigjson': base64('{"auths": secret') } };
  assert.throws(() => credentialsFor('r.io/x', [broken]), { message: 'pull secret "s": .dockerconfigjson is no JSON object' });
  assert.throws(() => credentialsFor('r.io/x', [json({ 'r.io': { auth: base64('nocolon') } })]), {
    message: 'pull secret "s": unable to parse auth field, must be formatted as base64(username:password)',
  });
  assert.deepEqual(users('r.io/x', { ...json({}), type: 'Opaque' }), []);
});
