import type { ObjectMeta } from '../../../api/kubernetes/types.generated.ts';
import type { User } from '../access/user.ts';
import type { FieldCause } from '../status.ts';

/** Any object of the API on its way through the server. */
export interface Body {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** What one kind does beyond what every kind gets. All pure. */
export interface Strategy {
  /** Fills in what upstream fills in; also applied to updates. */
  defaults(object: Body): Body;
  /** Before the first write: the status that a new object starts with. */
  prepareForCreate(object: Body, user: User): Body;
  validate(object: Body): readonly FieldCause[];
  /** Beyond `validate`: what may not change. */
  validateUpdate(object: Body, before: Body, subresource?: string): readonly FieldCause[];
  /** Beyond `validate`, of a new object. */
  validateCreate?(object: Body): readonly FieldCause[];
  /** Of a status that is written; throws. */
  validateStatus?(object: Body, before: Body): void;
  /** Fields besides metadata.name and metadata.namespace that a field selector may name. */
  readonly selectableFields: Readonly<Record<string, (object: Body) => string>>;
  /** Seconds of grace when the request names none; undefined: removed at once. */
  gracePeriod(object: Body): number | undefined;
}

export const baseStrategy: Strategy = {
  defaults: (object) => object,
  prepareForCreate: (object) => object,
  validate: () => [],
  validateUpdate: () => [],
  selectableFields: {},
  gracePeriod: () => undefined,
};

export const required = (field: string, detail = ''): FieldCause => ({
  reason: 'FieldValueRequired',
  field,
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
});

/** `Invalid value: "x": detail`, the value as JSON. */
export const invalid = (field: string, value: unknown, detail: string): FieldCause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
});

export const forbidden = (field: string, detail: string): FieldCause => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${detail}`,
});

export const duplicate = (field: string, value: unknown): FieldCause => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${JSON.stringify(value)}`,
});

export const unsupported = (field: string, value: unknown, supported: readonly string[]): FieldCause => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
});

/** The immutable rule: equal as JSON. */
export function immutable(field: string, value: unknown, before: unknown): readonly FieldCause[] {
  return JSON.stringify(value) === JSON.stringify(before) ? [] : [invalid(field, value, 'field is immutable')];
}
