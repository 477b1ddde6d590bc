/**
 * Writes SCOPE.md: every endpoint of the Docker Engine API and every kind of Kubernetes 1.35, in or out, from the
 * reference documents and from what the code serves. `--check` fails when the page on disk differs.
 *
 *   node tools/generate-scope.ts [--check] [--reference ../shared/reference]
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import * as served from '../src/api/kubernetes/kinds.ts';
import { routes } from '../src/docker/routes/all.ts';

const { values: options } = parseArgs({
  options: { check: { type: 'boolean', default: false }, reference: { type: 'string', default: '../shared/reference' } },
});

/** Answered, but with a refusal: routes that exist so that clients get a clear answer. */
const refusals = /swarm|nodes|services|tasks|secrets|configs|plugins\/|images\/search|session|grpc/;

function dockerRows(): readonly string[] {
  const text = gunzipSync(readFileSync(`${options.reference}/docker-engine-api.swagger.yaml.gz`)).toString();
  const { paths } = parse(text) as { paths: Record<string, Record<string, { summary?: string }>> };
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => ['get', 'head', 'post', 'put', 'delete'].includes(method))
      .map(
        ([method, { summary = '' }]) =>
          `| ${stateOf(method.toUpperCase(), path)} | \`${method.toUpperCase()} ${path}\` | ${summary.trim()} |`,
      ),
  );
  return ['| | endpoint | |', '|---|---|---|', ...rows];
}

function stateOf(method: string, path: string): string {
  const sample = path.replaceAll(/\{[^}]+\}/g, 'x');
  const isServed = routes.some((route) => route.method === method && toRegExp(route.pattern).test(sample));
  if (!isServed) return 'out';
  return refusals.test(path) ? 'refused' : 'in';
}

function toRegExp(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll(/:\w+\*/g, '.+').replaceAll(/:\w+/g, '[^/]+')}$`);
}

interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

function kubernetesRows(): readonly string[] {
  const known = new Set(Object.values(served).map(({ group, kind }) => `${group}/${kind}`));
  const rows = globSync(`${options.reference}/openapi-v3-1.35/*.json.gz`).flatMap((file) => {
    const name = basename(file, '.json.gz');
    const { paths } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
      paths: Record<string, Record<string, { 'x-kubernetes-group-version-kind'?: Gvk }>>;
    };
    const kinds = new Map<string, Gvk>();
    for (const [path, methods] of Object.entries(paths)) {
      const gvk = (methods['post'] ?? methods['get'])?.['x-kubernetes-group-version-kind'];
      if (gvk && !path.includes('/watch/') && !path.includes('{name}')) kinds.set(gvk.kind, gvk);
    }
    return [...kinds.values()].map(({ group, version, kind }) => {
      const isServed = known.has(`${group}/${kind}`) && !/alpha|beta/.test(version);
      return {
        sort: `${name} ${kind}`,
        text: `| ${isServed || reviews.has(kind) ? 'in' : 'out'} | ${group === '' ? version : `${group}/${version}`} | ${kind} |`,
      };
    });
  });
  return ['| | group | kind |', '|---|---|---|', ...rows.toSorted((a, b) => (a.sort < b.sort ? -1 : 1)).map(({ text }) => text)];
}

/** Answered without being stored. */
const reviews = new Set([
  'SelfSubjectAccessReview',
  'SelfSubjectReview',
  'SubjectAccessReview',
  'LocalSubjectAccessReview',
  'SelfSubjectRulesReview',
  'TokenReview',
  'ComponentStatus',
]);

if (!existsSync(options.reference)) {
  console.log(`skip: ${options.reference} is not here, nothing to generate from`);
} else {
  const notes = readFileSync(new URL('../docs/scope-notes.md', import.meta.url), 'utf8');
  const page = [
    notes.trimEnd(),
    '',
    '## Docker Engine API',
    '',
    ...dockerRows(),
    '',
    '## Kubernetes 1.35',
    '',
    ...kubernetesRows(),
    '',
  ].join('\n');
  const path = new URL('../SCOPE.md', import.meta.url);
  const isSame = existsSync(path) && readFileSync(path, 'utf8') === page;
  if (options.check && !isSame) {
    console.error('SCOPE.md is stale: run `npm run generate`');
    process.exitCode = 1;
  }
  if (!options.check && !isSame) writeFileSync(path, page);
}
