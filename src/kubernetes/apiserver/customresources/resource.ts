import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../../api/kubernetes/types.generated.ts';
import type { Store } from '../../../store/store.ts';
import type { Resource } from '../resources.ts';
import { invalid as invalidObject } from '../status.ts';
import { baseStrategy, type Body, type Strategy } from '../strategies/strategy.ts';
import { age } from '../table/age.ts';
import { name as nameColumn, aged, type Column } from '../table/column.ts';
import { conversionOf } from './convert.ts';
import { jsonPath } from './json-path.ts';
import { jsonSchemaOf, rootType, type JsonSchema } from './json-schema.ts';
import { withDefaults } from './prune.ts';
import { ruleCauses } from './rules.ts';
import { validateValue } from './validate.ts';

/** The resources that a definition adds: one for each version that it serves. */
export function resourcesOf(store: Store, definition: CustomResourceDefinition): readonly Resource[] {
  const { versions } = definition.spec;
  const storage = versions.find((one) => one.storage)?.name ?? '';
  return versions.filter(({ served }) => served).map((version) => resourceOf(store, definition, version, storage));
}

function resourceOf(
  store: Store,
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  storage: string,
): Resource {
  const { group, names, scope } = definition.spec;
  const { subresources, schema } = version;
  const jsonSchema = jsonSchemaOf(schema?.openAPIV3Schema);
  const type = rootType(jsonSchema, { group, version: version.name, kind: names.kind });
  const scale = subresources?.scale;
  return {
    group,
    version: version.name,
    kind: names.kind,
    resource: names.plural,
    namespaced: scope === 'Namespaced',
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    hasStatus: subresources?.status !== undefined,
    hasScale: scale !== undefined,
    countsGeneration: true,
    schema: `${group.split('.').toReversed().join('.')}.${version.name}.${names.kind}`,
    type,
    strategy: strategyOf(definition, version, jsonSchema, type),
    conversion: conversionOf(store, definition, version.name, storage),
    custom: {
      jsonSchema,
      columns: columnsOf(version),
      scale: scale && { spec: scale.specReplicasPath, status: scale.statusReplicasPath, selector: scale.labelSelectorPath },
    },
  };
}

function strategyOf(
  { spec }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  schema: JsonSchema,
  type: Resource['type'],
): Strategy {
  const content = ({ apiVersion: _version, kind: _kind, metadata: _metadata, ...rest }: Body): object => rest;
  const shape = { ...schema, type: 'object' };
  const judge = (object: Body, before: Body | undefined): ReturnType<typeof validateValue> => {
    const old = before && content(before);
    const causes = validateValue(content(object), withoutIdentity(shape), '', old);
    return causes.length > 0 ? causes : ruleCauses(object, before, shape, '');
  };
  return {
    ...baseStrategy,
    defaults: (object) => withDefaults(object, type) as Body,
    validate: () => [],
    validateCreate: (object) => judge(object, undefined),
    validateUpdate: (object, before) => judge(object, before),
    validateStatus: (object, before) => {
      const causes = judge(object, before);
      if (causes.length > 0) {
        throw invalidObject({ group: spec.group, resource: spec.names.plural, kind: spec.names.kind }, object.metadata.name ?? '', causes);
      }
    },
    selectableFields: Object.fromEntries(
      (version.selectableFields ?? []).map(({ jsonPath: path }) => {
        const read = jsonPath(path);
        return [path.replace(/^\./, ''), (object: Body) => String(read(object)[0] ?? '')];
      }),
    ),
  };
}

/** apiVersion, kind and metadata are checked as every object's are, not by the schema. */
function withoutIdentity(schema: JsonSchema): JsonSchema {
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...properties } = schema.properties ?? {};
  const required = schema.required?.filter((one) => !['apiVersion', 'kind', 'metadata'].includes(one));
  return { ...schema, properties, ...(required && { required }) };
}

function columnsOf({ additionalPrinterColumns }: CustomResourceDefinitionVersion): readonly Column[] {
  if (!additionalPrinterColumns) return [nameColumn, aged];
  const own = additionalPrinterColumns.map((column): Column => {
    const read = jsonPath(column.jsonPath);
    return {
      name: column.name,
      type: column.type === 'integer' ? 'integer' : 'string',
      wide: (column.priority ?? 0) > 0,
      cell: (object, now) => cellOf(read(object)[0], column.type, now),
    };
  });
  return [nameColumn, ...own];
}

function cellOf(value: unknown, type: string, now: number): string | number {
  if (value === undefined || value === null) return type === 'date' ? '<unknown>' : '';
  if (type === 'date') return age(String(value), now);
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
