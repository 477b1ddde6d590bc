/**
 * Writes src/api/kubernetes/protobuf.generated.json, the wire facts of the types in schema.generated.json:
 *
 *   "api.apps.v1.DeploymentSpec": { "1": ["replicas", "int", "k"], "2": ["selector", "apimachinery.pkg.apis.meta.v1.LabelSelector"], … }
 *    message                       field number  JSON name   type  flags (see WireFact in src/api/kubernetes/protobuf.ts)
 *
 * Numbers and types come from the API's generated.proto files, JSON names and what is a pointer from the tags of the Go types
 * beside them. Debian (trixie and later) ships both as golang-k8s-api-dev and golang-k8s-apimachinery-dev. `--check` fails when
 * the file on disk differs.
 *
 *   node tools/generate-protobuf.ts [--check] [--sources /usr/share/gocode/src/k8s.io]
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { schemas } from '../src/api/kubernetes/schema-table.ts';

const { values: options } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    sources: { type: 'string', default: '/usr/share/gocode/src/k8s.io' },
  },
});

interface ProtoField {
  readonly number: string;
  readonly label: '*' | 'm' | '';
  readonly type: string;
}

interface GoField {
  readonly name: string;
  readonly flags: string;
}

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'bool',
  bytes: 'bytes',
  int32: 'int',
  int64: 'int',
  uint32: 'int',
  uint64: 'int',
};

/** Messages whose JSON is not an object of their fields. */
const special: Readonly<Record<string, string>> = {
  'apimachinery.pkg.api.resource.Quantity': 'quantity',
  'apimachinery.pkg.apis.meta.v1.FieldsV1': 'json',
  'apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'apimachinery.pkg.apis.meta.v1.Time': 'time',
  'apimachinery.pkg.runtime.RawExtension': 'json',
  'apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
};

const withoutHost = (name: string): string => name.replace(/^\.?k8s\.io\./, '');

/** Messages of one generated.proto by their full name, `api.core.v1.Pod`. */
function protoMessages(text: string): Map<string, readonly ProtoField[]> {
  const home = withoutHost(/^package (.*);/m.exec(text)?.[1] ?? '');
  const typeOf = (type: string): string => scalars[type] ?? (type.includes('.') ? withoutHost(type) : `${home}.${type}`);
  const messages = new Map<string, readonly ProtoField[]>();
  for (const [, name, body = ''] of text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields = body.matchAll(/^ {2}(?:(optional|repeated) )?(?:map<string, ([\w.]+)>|([\w.]+)) \w+ = (\d+)/gm);
    messages.set(
      `${home}.${name}`,
      [...fields].map(([, label, value, type = '', number = '']) => ({
        number,
        label: value === undefined ? (label === 'repeated' ? '*' : '') : 'm',
        type: typeOf(value ?? type),
      })),
    );
  }
  return messages;
}

/** Fields of a folder's Go structs by `Struct.number`, from tags such as `json:"replicas,omitempty" protobuf:"varint,1,opt,…"`. */
function goFields(folder: string): Map<string, GoField> {
  const found = new Map<string, GoField>();
  for (const file of globSync(join(folder, '*.go')).filter((one) => !/generated|_test\.go$/.test(one))) {
    const text = readFileSync(file, 'utf8');
    for (const [, struct, body = ''] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      for (const [, star, tags = ''] of body.matchAll(/^\t(?:\w+\s+)?(\*?)[^\s/`]+\s+`([^`]*)`/gm)) {
        const number = /protobuf:"\w+,(\d+),/.exec(tags)?.[1];
        const [name = '', ...rest] = /json:"([^"]*)"/.exec(tags)?.[1]?.split(',') ?? [];
        const keeps = star === '*' || !rest.includes('omitempty') ? 'k' : '';
        if (number !== undefined) found.set(`${struct}.${number}`, { name, flags: rest.includes('inline') ? 'i' : keeps });
      }
    }
  }
  return found;
}

type WireFacts = Record<string, Record<string, readonly string[]>>;

/** What the schemas' types and all that they refer to look like on the wire. */
function collect(): WireFacts {
  const [protos, structs] = [new Map<string, readonly ProtoField[]>(), new Map<string, GoField>()];
  for (const file of globSync(join(options.sources, '{api,apimachinery}/**/generated.proto')).filter((one) => !/testdata/.test(one))) {
    const messages = protoMessages(readFileSync(file, 'utf8'));
    const home = messages
      .keys()
      .next()
      .value?.replace(/\.\w+$/, '');
    for (const [name, fields] of messages) protos.set(name, fields);
    for (const [key, field] of goFields(join(file, '..'))) structs.set(`${home}.${key}`, field);
  }
  const facts: WireFacts = {};
  const queue = Object.keys(schemas).filter((name) => protos.has(name) && !(name in special));
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (facts[name]) continue;
    const message: Record<string, readonly string[]> = {};
    facts[name] = message;
    for (const { number, label, type } of protos.get(name) ?? []) {
      const isNamed = type.includes('.') && !(type in special);
      const go = structs.get(`${name}.${number}`) ?? asList(name, number, label);
      const flags = label + go.flags.replace(isNamed || label !== '' ? 'k' : '', '');
      message[number] = [go.name, special[type] ?? type, ...(flags === '' ? [] : [flags])];
      if (isNamed && !protos.has(type)) throw new Error(`${name}: no message ${type}`);
      if (isNamed) queue.push(type);
    }
  }
  return Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `type ExtraValue []string` has no struct: on the wire a message with the items, in JSON the list itself, said by an empty name. */
function asList(name: string, number: string, label: string): GoField {
  if (number === '1' && label === '*') return { name: '', flags: '' };
  throw new Error(`${name}: field ${number} has no counterpart in Go`);
}

function json(facts: WireFacts): string {
  const rows = Object.entries(facts).map(([name, fields]) => `${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  return `{\n${rows.join(',\n')}\n}\n`;
}

if (!existsSync(join(options.sources, 'api/core/v1/generated.proto'))) {
  console.log(`skip: ${options.sources}/api/core/v1/generated.proto is not here, nothing to generate from`);
} else {
  const text = json(collect());
  const path = new URL('../src/api/kubernetes/protobuf.generated.json', import.meta.url);
  const isSame = existsSync(path) && readFileSync(path, 'utf8') === text;
  if (options.check && !isSame) {
    console.error(`${path.pathname} is stale: run \`node tools/generate-protobuf.ts\``);
    process.exitCode = 1;
  }
  if (!options.check && !isSame) writeFileSync(path, text);
  console.log(`${text.split('\n').length - 3} messages`);
}
