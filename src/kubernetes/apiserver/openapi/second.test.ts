import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { eventually } from '../../../../test/support/eventually.ts';
import { customResourceDefinitions } from '../../../api/kubernetes/kinds.ts';
import { bytesOf, wireFields } from '../../../api/kubernetes/protobuf-wire.ts';
import { kubeconfigOf, liveServer, type LiveServer } from '../live.fake.ts';
import { secondSchema } from './second-schema.ts';

const root = join(import.meta.dirname, '../../../..');
const kubectlPath = join(root, '.cache/bin/kubectl-1.35');
const reference = globSync('shared/reference/openapi-v3-1.35/*.json.gz', { cwd: join(root, '..') }).map((file) => join(root, '..', file));
const protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
let live: LiveServer;
let folder = '';
before(async () => {
  live = await liveServer();
  folder = mkdtempSync(join(tmpdir(), 'davit-openapi-'));
  writeFileSync(join(folder, 'config'), kubeconfigOf(live));
});
after(async () => {
  await live[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type Json = Readonly<Record<string, unknown>>;
interface Second {
  readonly paths: Readonly<Record<string, { readonly patch?: Json }>>;
  readonly definitions: Readonly<Record<string, Json>>;
}

async function ask(headers: Readonly<Record<string, string>> = {}): Promise<{ readonly head: IncomingMessage; readonly body: Buffer }> {
  const outgoing = request(`${live.api.url}/openapi/v2`, { ca: live.ca, ...live.admin, headers, agent: false });
  outgoing.end();
  const [head] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { head, body: await buffer(head) };
}

async function kubectl(line: string, input = ''): Promise<string> {
  const child = spawn(kubectlPath, line.split(' '), { env: { HOME: folder, KUBECONFIG: join(folder, 'config') } });
  child.stdin.end(input);
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return (out + error).trim();
}

test('the words of v2 for what v3 says otherwise', () => {
  const ref = { $ref: '#/components/schemas/io.k8s.A' };
  assert.deepEqual(
    secondSchema({
      type: 'object',
      properties: {
        a: { description: 'd', allOf: [ref] },
        b: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
        c: { oneOf: [{ type: 'string' }, { type: 'number' }] },
        d: { type: 'string', nullable: true },
        e: { type: 'array', items: ref, 'x-kubernetes-validations': [] },
        f: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { x: { type: 'string' } } },
      },
    }),
    {
      type: 'object',
      properties: {
        a: { description: 'd', $ref: '#/definitions/io.k8s.A' },
        b: { format: 'int-or-string', type: 'string' },
        c: { type: 'string' },
        d: {},
        e: { type: 'array', items: { $ref: '#/definitions/io.k8s.A' } },
        f: { 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  );
});

test('JSON and protobuf, plain and compressed, and nothing twice', async () => {
  const plain = await ask();
  assert.equal(plain.head.headers['content-type'], 'application/json');
  const zipped = await ask({ 'accept-encoding': 'gzip' });
  assert.equal(zipped.head.headers['content-encoding'], 'gzip');
  assert.deepEqual(gunzipSync(zipped.body), plain.body);
  const again = await ask({ 'if-none-match': plain.head.headers.etag ?? '' });
  assert.deepEqual([again.head.statusCode, again.body.length], [304, 0]);
  const { paths, definitions } = JSON.parse(plain.body.toString()) as Second;
  const binary = await ask({ accept: `${protobuf}, application/json` });
  assert.equal(binary.head.headers['content-type'], protobuf.replace('@', '.'));
  const namesIn = (message: Buffer, field: number): readonly string[] =>
    [...wireFields(message)].flatMap(([number, value]) => (number === field ? [bytesOf(value as Buffer, 1).toString()] : []));
  assert.equal(bytesOf(binary.body, 1).toString(), '2.0');
  assert.deepEqual(namesIn(bytesOf(binary.body, 8), 2), Object.keys(paths));
  assert.deepEqual(namesIn(bytesOf(binary.body, 9), 1), Object.keys(definitions));
  assert.equal((await ask({ accept: 'text/html' })).head.statusCode, 406);
  // Every reference leads somewhere.
  const refs = new Set([...plain.body.toString().matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name]) => name ?? ''));
  assert.deepEqual(
    [...refs].filter((name) => definitions[name] === undefined),
    [],
  );
});

const noReference = reference.length === 0 ? 'no reference documents here' : false;
test('each kind has the fields that upstream publishes', { skip: noReference }, async () => {
  const { definitions } = JSON.parse((await ask()).body.toString()) as Second;
  let compared = 0;
  for (const file of reference) {
    const { components } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as { components: { schemas: Record<string, Json> } };
    for (const [name, schema] of Object.entries(components.schemas)) {
      const own = definitions[name];
      if (!own || schema['properties'] === undefined) continue;
      const { properties = {} } = secondSchema(schema) as { properties?: Record<string, Json> };
      const shape = (all: Record<string, Json>): object =>
        Object.fromEntries(Object.entries(all).map(([field, one]) => [field, [one['type'], one['$ref'], one['format'] ?? null]]));
      assert.deepEqual(shape((own['properties'] ?? {}) as Record<string, Json>), shape(properties), name);
      compared += 1;
    }
  }
  assert.ok(compared > 300, `${compared} compared`);
});

test('kubectl reads it as protobuf', { skip: existsSync(kubectlPath) ? false : 'no kubectl' }, async () => {
  const explain = async (what: string): Promise<string> => kubectl(`explain ${what} --output=plaintext-openapiv2`);
  assert.match(
    await explain('deployment.spec.template.spec.containers.ports'),
    /KIND: +Deployment\nVERSION: +apps\/v1[^]*containerPort\s+<integer> -required-/,
  );
  assert.match(await explain('pod --recursive'), /terminationGracePeriodSeconds\s+<integer>/);
  const schema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { size: { type: 'integer', description: 'How large it is.' } } } },
  };
  await live.api.client.create(customResourceDefinitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gears.parts.example.com' },
    spec: {
      group: 'parts.example.com',
      scope: 'Namespaced',
      names: { plural: 'gears', kind: 'Gear' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  } as never);
  await eventually(async () => assert.match(await explain('gear.spec.size'), /FIELD: +size <integer>[^]*How large it is\./), {
    withinMs: 30_000,
  });
});
