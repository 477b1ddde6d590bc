import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateFor, targetFor, type Path, type Routes } from './routes.ts';

const to = (name: string): Path['target'] => ({ name, endpoints: [] });
const path = (text: string, match: Path['match'] = 'prefix'): Path => ({ path: text, match, target: to(`${match} ${text}`) });
const routes = (hosts: Readonly<Record<string, readonly Path[]>>, fallback?: string): Routes => ({
  hosts: new Map(Object.entries(hosts)),
  fallback: fallback === undefined ? undefined : to(fallback),
  certificates: [],
});

/** The table of the Ingress documentation, and more. */
const rows: readonly [paths: readonly Path[], url: string, taken: string | undefined][] = [
  [[path('/')], '/any/path', 'prefix /'],
  [[path('/foo', 'exact')], '/foo', 'exact /foo'],
  [[path('/foo', 'exact')], '/bar', undefined],
  [[path('/foo', 'exact')], '/foo/', undefined],
  [[path('/foo/', 'exact')], '/foo', undefined],
  [[path('/foo')], '/foo/', 'prefix /foo'],
  [[path('/foo/')], '/foo', 'prefix /foo/'],
  [[path('/aaa/bb')], '/aaa/bbb', undefined],
  [[path('/aaa/bbb')], '/aaa/bbb/ccc', 'prefix /aaa/bbb'],
  [[path('/aaa/bbb')], '/aaa/bbbxyz', undefined],
  [[path('/'), path('/aaa')], '/aaa/ccc', 'prefix /aaa'],
  [[path('/'), path('/aaa'), path('/aaa/bbb')], '/aaa/bbb', 'prefix /aaa/bbb'],
  [[path('/foo'), path('/foo', 'exact')], '/foo?a=/x', 'exact /foo'],
];

for (const [paths, url, taken] of rows) {
  test(`${paths.map(({ match, path: text }) => `${match} ${text}`).join(', ')}: ${url} → ${taken ?? 'nobody'}`, () => {
    assert.equal(targetFor(routes({ '': paths }), 'any.example', url)?.name, taken);
  });
}

test('the most particular host decides; what its paths do not take goes to the fallback', () => {
  const table = routes({ 'a.example': [path('/a')], '*.example': [path('/wild')], '': [path('/any')] }, 'fallback');
  const name = (host: string, url: string): string | undefined => targetFor(table, host, url)?.name;
  assert.equal(name('A.example:8080', '/a'), 'prefix /a');
  assert.equal(name('a.example', '/wild'), 'fallback');
  assert.equal(name('b.example', '/wild'), 'prefix /wild');
  assert.equal(name('c.b.example', '/wild'), 'fallback');
  assert.equal(name('example', '/any'), 'prefix /any');
  assert.equal(name('', '/nothing'), 'fallback');
});

test('certificates by server name', () => {
  const certificates = [['*.example'], ['a.example'], []].map((hosts) => ({ hosts, cert: hosts.join(), key: '' }));
  assert.deepEqual(
    ['a.example', 'b.example', 'other'].map((name) => certificateFor(certificates, name)?.cert),
    ['a.example', '*.example', ''],
  );
  assert.equal(certificateFor(certificates.slice(0, 2), 'other'), undefined);
});
