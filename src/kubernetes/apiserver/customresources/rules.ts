import { messageOf } from '../../../base/errors.ts';
import { compile } from '../cel/environment.ts';
import { celValue } from '../cel/values.ts';
import { equal, isObject, textOf } from '../json.ts';
import type { FieldCause } from '../status.ts';
import type { JsonSchema, ValidationRule } from './json-schema.ts';

const variables = ['self', 'oldSelf'];

/** What rules (`x-kubernetes-validations`) say against a value; those that speak of `oldSelf` only where there is an old one. */
export function ruleCauses(value: unknown, before: unknown, schema: JsonSchema, path: string): readonly FieldCause[] {
  if (value === undefined || value === null || !hasRules(schema)) return [];
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => ruleCause(rule, value, before, schema, path));
  return [...own, ...childCauses(value, before, schema, path)];
}

const withRules = new WeakMap<JsonSchema, boolean>();

/** Whether there is any rule in a schema or below it: most schemas need no walk. */
function hasRules(schema: JsonSchema): boolean {
  const known = withRules.get(schema);
  if (known !== undefined) return known;
  const { properties = {}, items, additionalProperties } = schema;
  const inner = [...Object.values(properties), items, typeof additionalProperties === 'object' ? additionalProperties : undefined];
  const found = (schema['x-kubernetes-validations']?.length ?? 0) > 0 || inner.some((one) => one !== undefined && hasRules(one));
  withRules.set(schema, found);
  return found;
}

function childCauses(value: unknown, before: unknown, schema: JsonSchema, path: string): readonly FieldCause[] {
  const { properties = {}, items, additionalProperties } = schema;
  if (Array.isArray(value) && items) {
    const keys = schema['x-kubernetes-list-map-keys'];
    const old = Array.isArray(before) ? (before as readonly unknown[]) : [];
    const sameKeys = (a: unknown, b: unknown): boolean => isObject(a) && isObject(b) && (keys ?? []).every((key) => a[key] === b[key]);
    return value.flatMap((item, index) =>
      ruleCauses(item, keys ? old.find((one) => sameKeys(one, item)) : undefined, items, `${path}[${index}]`),
    );
  }
  if (!isObject(value)) return [];
  const old = isObject(before) ? before : {};
  return Object.entries(value).flatMap(([name, child]) => {
    const inner = properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    return inner ? ruleCauses(child, old[name], inner, path === '' ? name : `${path}.${name}`) : [];
  });
}

function ruleCause(rule: ValidationRule, value: unknown, before: unknown, schema: JsonSchema, path: string): readonly FieldCause[] {
  const isTransition = /\boldSelf\b/.test(rule.rule);
  if (isTransition && before === undefined && !rule.optionalOldSelf) return [];
  // Ratcheting: what did not change is not judged again, unless the rule is about the change.
  if (!isTransition && before !== undefined && equal(value, before)) return [];
  const known = { self: seen(value, schema), oldSelf: before === undefined ? null : seen(before, schema) };
  const field = rule.fieldPath ? `${path}${rule.fieldPath}`.replace(/^\./, '') : path || '<nil>';
  const fail = (text: string): readonly FieldCause[] => [
    {
      reason: rule.reason ?? 'FieldValueInvalid',
      field,
      message: `${titles[rule.reason ?? ''] ?? 'Invalid value'}${rule.reason === undefined || rule.reason === 'FieldValueInvalid' ? `: ${JSON.stringify(schema.type ?? 'object')}` : ''}: ${text}`,
    },
  ];
  try {
    if (compile(rule.rule, variables)(known) === true) return [];
  } catch (error) {
    return fail(`${rule.rule}: ${messageOf(error).split('\n')[0]} evaluating rule: ${rule.message ?? rule.rule}`);
  }
  return fail(messageOfRule(rule, known));
}

const titles: Readonly<Record<string, string>> = {
  FieldValueForbidden: 'Forbidden',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
};

function messageOfRule({ rule, message, messageExpression }: ValidationRule, known: Readonly<Record<string, unknown>>): string {
  if (messageExpression) {
    try {
      const text = textOf(compile(messageExpression, variables)(known));
      if (text.trim()) return text;
    } catch {
      // The plain message stands in for one that cannot be made.
    }
  }
  return message ?? `failed rule: ${rule}`;
}

/** The value with its fields' names escaped; the keys of free-form maps stay as they are. */
function seen(value: unknown, schema: JsonSchema): unknown {
  return celValue(value, (path) => {
    const at = path.reduce<JsonSchema | undefined>(
      (inner, name) =>
        name === '[]'
          ? inner?.items
          : (inner?.properties?.[name] ?? (typeof inner?.additionalProperties === 'object' ? inner.additionalProperties : undefined)),
      schema,
    );
    return at?.properties === undefined;
  });
}

/** Rules of a schema that do not compile, with their paths in the definition. */
export function brokenRules(schema: JsonSchema, path: string): readonly FieldCause[] {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule }, index): readonly FieldCause[] => {
    const field = `${path}.x-kubernetes-validations[${index}].rule`;
    try {
      compile(rule, variables);
      return [];
    } catch (error) {
      return [{ reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(rule)}: ${messageOf(error)}` }];
    }
  });
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...own,
    ...Object.entries(properties).flatMap(([name, inner]) => brokenRules(inner, `${path}.properties[${name}]`)),
    ...(items ? brokenRules(items, `${path}.items`) : []),
    ...(typeof additionalProperties === 'object' ? brokenRules(additionalProperties, `${path}.additionalProperties`) : []),
  ];
}
