/** The architecture as a test: who may import whom, and who alone may use what (see docs/design/layers.md). */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

/** Longest prefix wins. `may` lists layers besides the own one; `*` = any. */
const layers: Readonly<Record<string, { readonly may: readonly string[] }>> = {
  base: { may: [] },
  'api/docker': { may: ['base'] },
  'api/kubernetes': { may: ['base'] },
  'api/oci': { may: ['base'] },
  kernel: { may: ['base', 'api/oci'] },
  store: { may: ['base'] },
  engine: { may: ['base', 'api/oci', 'kernel', 'store'] },
  docker: { may: ['base', 'api/docker', 'api/oci', 'engine'] },
  'kubernetes/client': { may: ['base', 'api/kubernetes'] },
  'kubernetes/metrics': { may: ['base'] },
  'kubernetes/apiserver': { may: ['base', 'api/kubernetes', 'kubernetes/client', 'kubernetes/metrics', 'store'] },
  'kubernetes/controllers': { may: ['base', 'api/kubernetes', 'kubernetes/client', 'kubernetes/metrics'] },
  'kubernetes/scheduler': { may: ['base', 'api/kubernetes', 'kubernetes/client'] },
  'kubernetes/kubelet': { may: ['base', 'api/kubernetes', 'api/oci', 'kubernetes/client', 'engine', 'kernel'] },
  'kubernetes/proxy': { may: ['base', 'api/kubernetes', 'kubernetes/client', 'kernel'] },
  'kubernetes/ingress': { may: ['base', 'api/kubernetes', 'kubernetes/client'] },
  'kubernetes/policy': { may: ['base', 'api/kubernetes', 'kubernetes/client', 'kernel'] },
  'kubernetes/dns': { may: ['base', 'api/kubernetes', 'kubernetes/client', 'kernel'] },
  explain: { may: ['base', 'kernel', 'api/kubernetes', 'kubernetes/client', 'kubernetes/scheduler'] },
  daemon: { may: ['*'] },
  cli: { may: ['base', 'explain', 'api/docker', 'api/kubernetes', 'kubernetes/client', 'kernel', 'daemon'] },
  main: { may: ['cli'] },
};

/** Builtins and packages that only the named layers may import. */
const guarded: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['kernel'],
  'node:sqlite': ['store'],
  koffi: ['kernel'],
  '@peculiar/x509': ['daemon'],
  jose: ['kubernetes/apiserver'],
  '@marcbachmann/cel-js': ['kubernetes/apiserver'],
  'prom-client': ['kubernetes/apiserver'],
  commander: ['cli'],
  pino: ['daemon'],
  'node:cluster': [],
  'node:vm': [],
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isType: boolean;
}

const isTestFile = (file: string): boolean => /\.(test|suite|fake)\.ts$/.test(file);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const pattern = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:([^'";]*?)\s+from\s+)?'([^']+)'|import\('([^']+)'\)/g;
  return [...text.matchAll(pattern)].map((match) => ({ file, target: match[3] ?? match[4] ?? '', isType: match[1] !== undefined }));
}

function layerOf(file: string): string | undefined {
  const path = file.replace(/^src\//, '').replace(/\.ts$/, '');
  return Object.keys(layers)
    .filter((layer) => path === layer || path.startsWith(`${layer}/`))
    .toSorted((a, b) => b.length - a.length)[0];
}

const files = globSync('src/**/*.ts', { cwd: root });
const sources = files.filter((file) => !isTestFile(file));
const all = sources.flatMap(importsOf);
const resolved = (one: Import): string => relative(root, join(root, dirname(one.file), one.target));

test('every file belongs to a layer', () => {
  assert.deepEqual(
    files.filter((file) => layerOf(file) === undefined),
    [],
  );
});

test('imports follow the layer table', () => {
  const wrong = all
    .filter((one) => one.target.startsWith('.'))
    .filter((one) => resolved(one).startsWith('src/'))
    .filter((one) => {
      const [from = '', to = ''] = [layerOf(one.file), layerOf(resolved(one))];
      const may = layers[from]?.may ?? [];
      return from !== to && !may.includes(to) && !may.includes('*');
    });
  assert.deepEqual(
    wrong.map((one) => `${one.file} → ${one.target}`),
    [],
  );
});

test('what one layer guards is used by nobody else', () => {
  const wrong = all.filter((one) => {
    const owners = guarded[one.target];
    const layer = layerOf(one.file) ?? '';
    return owners !== undefined && !owners.some((owner) => layer === owner || layer.startsWith(`${owner}/`));
  });
  assert.deepEqual(
    wrong.map((one) => `${one.file} → ${one.target}`),
    [],
  );
});

test('value imports form no cycle', () => {
  const edges = new Map<string, string[]>();
  for (const one of all) {
    if (one.isType || !one.target.startsWith('.')) continue;
    edges.set(one.file, [...(edges.get(one.file) ?? []), resolved(one)]);
  }
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    assert(!trail.includes(file), `cycle: ${[...trail.slice(trail.indexOf(file)), file].join(' → ')}`);
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
});

test('files keep their size: 400 lines at most, generated ones aside', () => {
  const long = files
    .filter((file) => !file.includes('.generated.'))
    .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});

test('no drawers: folders and files are named after concepts', () => {
  const drawers = files.filter((file) => /(^|\/)(utils?|helpers?|common|lib|managers?|misc|index)(\/|\.ts$)/.test(file));
  assert.deepEqual(drawers, []);
});
