import type { JSONSchemaProps } from '../../../api/kubernetes/types.generated.ts';
import type { Field, Schema } from '../../../api/kubernetes/schema.ts';

/** The parts of a structural schema that are read here; the generated type leaves most of them open. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export const jsonSchemaOf = (props: JSONSchemaProps | undefined): JsonSchema => (props ?? {}) as unknown as JsonSchema;

/** The same schema as the API server's other types have it: what is known of fields, lists and maps. */
export function fieldOf(schema: JsonSchema): Field {
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const { additionalProperties } = schema;
  const type = schema['x-kubernetes-int-or-string'] ? 'intOrString' : (schema.type as Field['type']);
  const fields = Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, fieldOf(inner)] as const);
  const own = schema['x-kubernetes-embedded-resource'] ? objectFields : {};
  const values = typeof additionalProperties === 'object' ? fieldOf(additionalProperties) : additionalProperties === true ? {} : undefined;
  return defined({
    type,
    format: schema.format,
    items: schema.items && fieldOf(schema.items),
    fields: type === 'object' && (!values || fields.length > 0) ? { ...own, ...Object.fromEntries(fields) } : undefined,
    values,
    default: schema.default,
    preservesUnknown: preserves || undefined,
    nullable: schema.nullable,
    embedded: schema['x-kubernetes-embedded-resource'],
    required: schema.required,
    listType: schema['x-kubernetes-list-type'],
    listMapKeys: schema['x-kubernetes-list-map-keys'],
    mapType: schema['x-kubernetes-map-type'],
  }) as Field;
}

const objectFields: Readonly<Record<string, Field>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { ref: 'apimachinery.pkg.apis.meta.v1.ObjectMeta' },
};

/** The type of a custom resource: its schema, and what every object has. */
export function rootType(schema: JsonSchema, gvk: NonNullable<Schema['gvk']>): Schema {
  const root = fieldOf(schema);
  return { ...root, type: 'object', fields: { ...root.fields, ...objectFields }, gvk };
}

function defined(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
