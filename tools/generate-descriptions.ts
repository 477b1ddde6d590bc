/**
 * Writes dist/descriptions.json, what `kubectl explain` tells of types and fields:
 *
 *   { "api.core.v1.PodSpec": "PodSpec is a description of a pod.", "api.core.v1.PodSpec.containers": "List of containers …", … }
 *
 * The texts are taken, when davit is built, from the comments in the generated models of an npm package; they are not part of
 * this repository.
 *
 *   node tools/generate-descriptions.ts [--models node_modules/@kubernetes/client-node/dist/gen/models]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { schemas } from '../src/api/kubernetes/schema-table.ts';

const { values: options } = parseArgs({
  options: { models: { type: 'string', default: 'node_modules/@kubernetes/client-node/dist/gen/models' } },
});

const upper = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;

/** `api.core.v1.PodSpec` → `V1PodSpec`; where two groups share a name the group comes first: `CoreV1Event`. */
function modelsOf(name: string): readonly string[] {
  const [short = '', version = '', group = ''] = name.split('.').toReversed();
  return [`${upper(group)}${upper(version)}${short}`, `${upper(version)}${short}`];
}

function clean(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, ''))
    .join('\n')
    .replaceAll('*_/', '*/')
    .replaceAll('\\"', '"')
    .trim();
}

/** The texts of one model file: of the class, and of its fields. */
function textsOf(text: string): { readonly own: string | undefined; readonly fields: readonly (readonly [string, string])[] } {
  const start = text.indexOf('export declare class');
  const head = text.slice(0, start);
  const open = head.lastIndexOf('/**');
  const own =
    open > 0 && head.includes('import') === head.slice(0, open).includes('import')
      ? clean(head.slice(open + 3, head.lastIndexOf('*/')))
      : undefined;
  const fields = [...text.slice(start).matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g)];
  return { own, fields: fields.map(([, comment = '', field = '']) => [field, clean(comment)] as const) };
}

const texts: Record<string, string> = {};
for (const name of Object.keys(schemas)) {
  const path = modelsOf(name)
    .map((model) => join(options.models, `${model}.d.ts`))
    .find((file) => existsSync(file));
  if (path === undefined) continue;
  const { own, fields } = textsOf(readFileSync(path, 'utf8'));
  if (own) texts[name] = own;
  for (const [field, text] of fields) {
    const known = Object.keys(schemas[name]?.fields ?? {}).find(
      (one) => one === field || one === field.replace(/^_/, '') || one === `$${field}`,
    );
    if (known !== undefined) texts[`${name}.${known}`] = text;
  }
}
if (Object.keys(texts).length === 0) console.log(`skip: ${options.models} is not here, kubectl explain will show types without texts`);
mkdirSync('dist', { recursive: true });
writeFileSync('dist/descriptions.json', JSON.stringify(texts));
console.log(`${Object.keys(texts).length} texts`);
