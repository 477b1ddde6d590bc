/** What is known of one field of a Kubernetes type, from its OpenAPI schema. */
export interface Field {
  /** `quantity` = resource.Quantity, `intOrString` = util.intstr; undefined with `ref`, or for any JSON value. */
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'quantity' | 'intOrString';
  readonly format?: string;
  /** Key into the schema table, e.g. `api.core.v1.PodSpec`. */
  readonly ref?: string;
  readonly items?: Field;
  /** Type of a map's values. */
  readonly values?: Field;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  /** Strategic merge patch: the key that identifies list items, and `merge`, `replace`, `merge,retainKeys` or `retainKeys`. */
  readonly mergeKey?: string;
  readonly patchStrategy?: string;
  /** Server-side apply: how a list or map is owned. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: string;
  /** The fields of a type that has no name of its own (custom resources). */
  readonly fields?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  /** Whatever else an object has stays. */
  readonly preservesUnknown?: boolean;
  readonly nullable?: boolean;
  /** A whole object: with apiVersion, kind and metadata besides its fields. */
  readonly embedded?: boolean;
}

/** One named type: its fields, or what it stands for (Quantity, Time) when it has none. */
export interface Schema extends Field {
  readonly gvk?: { readonly group: string; readonly version: string; readonly kind: string };
}
