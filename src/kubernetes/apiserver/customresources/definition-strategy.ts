import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../../../api/kubernetes/types.generated.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, immutable, invalid, required, type Body, type Strategy } from '../strategies/strategy.ts';
import { checkLabelName, checkSubdomain } from '../strategies/names.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { brokenRules } from './rules.ts';
import { structuralCauses } from './structural.ts';
import { validateValue } from './validate.ts';

/** What is missing is empty, as in a Go struct: validation says so afterwards. */
function specOf(object: Body): CustomResourceDefinitionSpec {
  const { spec } = object as unknown as Partial<CustomResourceDefinition>;
  const names = { plural: '', kind: '', ...spec?.names };
  return { group: '', scope: '', versions: [], ...spec, names } as CustomResourceDefinitionSpec;
}
export const cleanup = 'customresourcecleanup.apiextensions.k8s.io';

/** What a CustomResourceDefinition must be, and what it says when it says nothing. */
export const definitionStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = specOf(object);
    const { names } = spec;
    return {
      ...object,
      spec: {
        ...spec,
        conversion: spec.conversion ?? { strategy: 'None' },
        names: { ...names, singular: names?.singular || names?.kind?.toLowerCase(), listKind: names?.listKind || `${names?.kind}List` },
      },
    } as unknown as Body;
  },
  prepareForCreate: (object) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: [...new Set([...(object.metadata.finalizers ?? []), cleanup])] },
    status: {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: specOf(object)
        .versions.filter((one) => one.storage)
        .map((one) => one.name),
    },
  }),
  validate: (object) => {
    const spec = specOf(object);
    const { group, names, versions = [], scope } = spec;
    const wanted = `${names.plural}.${group}`;
    const stored = versions.filter((one) => one.storage);
    return [
      ...(object.metadata.name === wanted
        ? []
        : [invalid('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group')]),
      ...(group.includes('.')
        ? checkSubdomain('spec.group', group)
        : [invalid('spec.group', group, 'should be a domain with at least one dot')]),
      ...(scope === 'Namespaced' || scope === 'Cluster'
        ? []
        : [
            {
              reason: 'FieldValueNotSupported',
              field: 'spec.scope',
              message: `Unsupported value: ${JSON.stringify(scope)}: supported values: "Cluster", "Namespaced"`,
            },
          ]),
      ...checkLabelName('spec.names.plural', names.plural),
      ...(names.kind ? [] : [required('spec.names.kind')]),
      ...(versions.length > 0 ? [] : [required('spec.versions')]),
      ...(stored.length === 1
        ? []
        : [
            invalid(
              'spec.versions',
              versions.map((one) => one.name),
              'must have exactly one version marked as storage version',
            ),
          ]),
      ...versions.flatMap((version, index) => checkVersion(`spec.versions[${index}]`, version)),
      ...checkConversion(spec),
    ];
  },
  validateUpdate: (object, before) => [
    ...immutable('spec.group', specOf(object).group, specOf(before).group),
    ...immutable('spec.names.plural', specOf(object).names.plural, specOf(before).names.plural),
    ...immutable('spec.names.kind', specOf(object).names.kind, specOf(before).names.kind),
    ...immutable('spec.scope', specOf(object).scope, specOf(before).scope),
  ],
};

function checkVersion(field: string, version: CustomResourceDefinitionSpec['versions'][number]): readonly FieldCause[] {
  const path = `${field}.schema.openAPIV3Schema`;
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined) return [required(path, 'schemas are required')];
  const json = jsonSchemaOf(schema);
  const wrong = structuralCauses(json, path, true);
  return [
    ...checkLabelName(`${field}.name`, version.name),
    ...(wrong.length > 0 ? wrong : [...brokenRules(json, path), ...wrongDefaults(json, path)]),
  ];
}

/** A default must itself be valid. */
function wrongDefaults(schema: ReturnType<typeof jsonSchemaOf>, path: string): readonly FieldCause[] {
  const own = schema.default === undefined ? [] : validateValue(schema.default, schema, `${path}.default`);
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => wrongDefaults(child, `${path}.properties[${name}]`));
  return [...own, ...inner, ...(schema.items ? wrongDefaults(schema.items, `${path}.items`) : [])];
}

function checkConversion({ conversion }: CustomResourceDefinitionSpec): readonly FieldCause[] {
  if (conversion?.strategy !== 'Webhook') return [];
  const { webhook } = conversion;
  if (!webhook) return [required('spec.conversion.webhook', 'required when strategy is set to Webhook')];
  return [
    ...(webhook.clientConfig ? [] : [required('spec.conversion.webhook.clientConfig', 'required when strategy is set to Webhook')]),
    ...(webhook.conversionReviewVersions?.length ? [] : [required('spec.conversion.webhook.conversionReviewVersions')]),
  ];
}
