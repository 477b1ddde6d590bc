import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalName, familiarName, parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('what users type, the full name, what they are shown', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27', 'nginx:1.27'],
    ['user/app', 'docker.io/user/app:latest', 'user/app:latest'],
    ['docker.io/library/nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['index.docker.io/nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['localhost/a', 'localhost/a:latest', 'localhost/a:latest'],
    ['localhost:5000/a/b:t', 'localhost:5000/a/b:t', 'localhost:5000/a/b:t'],
    ['ghcr.io/a/b-c_d.e', 'ghcr.io/a/b-c_d.e:latest', 'ghcr.io/a/b-c_d.e:latest'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`, `nginx@${digest}`],
    [`nginx:1@${digest}`, `docker.io/library/nginx:1@${digest}`, `nginx:1@${digest}`],
  ];
  for (const [text, canonical, familiar] of cases) {
    assert.equal(canonicalName(parseReference(text)), canonical);
    assert.equal(familiarName(parseReference(text)), familiar);
  }
});

test('what is no reference', () => {
  for (const text of ['', 'Nginx', 'a b', 'a:', 'a//b', '-a', 'a:b:c', 'a@sha256:12', '/a', 'a/', `${'a'.repeat(300)}`, 'b'.repeat(64)])
    assert.throws(() => parseReference(text), { kind: 'invalid', message: /^invalid reference format/ }, text);
});
