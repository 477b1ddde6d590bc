import { messageOf } from '../../../base/errors.ts';
import { compile, policyVariables } from '../cel/environment.ts';
import { arrayOf, compact, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

const withScope = (rules: unknown): readonly JsonObject[] => objectsOf(rules).map((rule) => ({ scope: '*', ...rule }));

function webhookDefaults(kind: string, webhook: JsonObject): JsonObject {
  const client = objectOf(webhook['clientConfig']);
  const service = client['service'] === undefined ? {} : { service: { port: 443, ...objectOf(client['service']) } };
  return compact({
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
    ...(kind === 'MutatingWebhookConfiguration' && { reinvocationPolicy: 'Never' }),
    ...webhook,
    clientConfig: { ...client, ...service },
    rules: webhook['rules'] === undefined ? undefined : withScope(webhook['rules']),
  });
}

/** Mutating and validating webhooks alike. */
export const webhooksStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({
    ...object,
    ...(object['webhooks'] !== undefined && { webhooks: objectsOf(object['webhooks']).map((one) => webhookDefaults(object.kind, one)) }),
  }),
  validate: (object) => {
    const names = objectsOf(object['webhooks']).map((one) => textOf(one['name']));
    const repeated = names.findIndex((name, index) => names.indexOf(name) !== index);
    return [
      ...objectsOf(object['webhooks']).flatMap((one, index) => checkWebhook(`webhooks[${index}]`, one)),
      ...(repeated < 0
        ? []
        : [
            {
              reason: 'FieldValueDuplicate',
              field: `webhooks[${repeated}].name`,
              message: `Duplicate value: ${JSON.stringify(names[repeated])}`,
            },
          ]),
    ];
  },
};

function checkWebhook(field: string, webhook: JsonObject): readonly FieldCause[] {
  const name = textOf(webhook['name']);
  const client = objectOf(webhook['clientConfig']);
  const [url, service] = [textOf(client['url']), client['service']];
  const seconds = Number(webhook['timeoutSeconds']);
  const effects = textOf(webhook['sideEffects']);
  return [
    ...(/^[^.]+(\.[^.]+){2,}$/.test(name)
      ? []
      : [invalid(`${field}.name`, name, 'should be a domain with at least three segments separated by dots')]),
    ...(arrayOf(webhook['admissionReviewVersions']).length > 0
      ? []
      : [required(`${field}.admissionReviewVersions`, 'must specify one of v1, v1beta1')]),
    ...(effects === 'None' || effects === 'NoneOnDryRun'
      ? []
      : [
          effects
            ? unsupported(`${field}.sideEffects`, effects, ['None', 'NoneOnDryRun'])
            : required(`${field}.sideEffects`, 'must specify one of None, NoneOnDryRun'),
        ]),
    ...(seconds >= 1 && seconds <= 30
      ? []
      : [invalid(`${field}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds')]),
    ...((url === '') === (service === undefined) ? [required(`${field}.clientConfig`, 'exactly one of url or service is required')] : []),
    ...(url && !url.startsWith('https://')
      ? [invalid(`${field}.clientConfig.url`, url, "'https' is the only allowed URL scheme; desired format: https://host[/path]")]
      : []),
    ...objectsOf(webhook['rules']).flatMap((rule, index) => checkRule(`${field}.rules[${index}]`, rule)),
  ];
}

function checkRule(field: string, rule: JsonObject): readonly FieldCause[] {
  return ['apiGroups', 'apiVersions', 'resources', 'operations'].flatMap((name) =>
    arrayOf(rule[name]).length > 0 ? [] : [required(`${field}.${name}`)],
  );
}

function matchDefaults(match: unknown): JsonObject | undefined {
  if (match === undefined) return undefined;
  const rules = (name: string): JsonObject => (objectOf(match)[name] === undefined ? {} : { [name]: withScope(objectOf(match)[name]) });
  return {
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    ...objectOf(match),
    ...rules('resourceRules'),
    ...rules('excludeResourceRules'),
  };
}

const matched = (object: Body, field: string): Body => ({
  ...object,
  spec: compact({ ...object.spec, [field]: matchDefaults(object.spec?.[field]) }),
});

export const admissionPolicyStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const { spec, ...rest } = matched(object, 'matchConstraints');
    return { ...rest, spec: { failurePolicy: 'Fail', ...spec } } as Body;
  },
  prepareForCreate: (object) => ({ ...object, status: {} }),
  validate: (object) => {
    const spec = objectOf(object.spec);
    const isEmpty = arrayOf(spec['validations']).length === 0 && arrayOf(spec['auditAnnotations']).length === 0;
    return [
      ...(spec['matchConstraints'] === undefined ? [required('spec.matchConstraints')] : []),
      ...(isEmpty ? [required('spec.validations', 'validations or auditAnnotations must contain at least one item')] : []),
      ...objectsOf(spec['validations']).flatMap((one, index) => checkExpression(`spec.validations[${index}].expression`, one)),
      ...objectsOf(spec['variables']).flatMap((one, index) => checkExpression(`spec.variables[${index}].expression`, one)),
      ...objectsOf(spec['matchConditions']).flatMap((one, index) => checkExpression(`spec.matchConditions[${index}].expression`, one)),
    ];
  },
};

function checkExpression(field: string, one: JsonObject): readonly FieldCause[] {
  const expression = textOf(one['expression']);
  if (expression.trim() === '') return [required(field, 'expression is not specified')];
  try {
    compile(expression, policyVariables);
    return [];
  } catch (error) {
    return [invalid(field, expression, messageOf(error))];
  }
}

const actions = ['Audit', 'Deny', 'Warn'];

export const admissionPolicyBindingStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => matched(object, 'matchResources'),
  validate: (object) => {
    const wanted = arrayOf(object.spec?.['validationActions']).map(textOf);
    return [
      ...(object.spec?.['policyName'] ? [] : [required('spec.policyName')]),
      ...(wanted.length === 0 ? [required('spec.validationActions', 'at least one validation action is required')] : []),
      ...wanted.flatMap((one, index) => (actions.includes(one) ? [] : [unsupported(`spec.validationActions[${index}]`, one, actions)])),
      ...(wanted.includes('Deny') && wanted.includes('Warn')
        ? [
            invalid(
              'spec.validationActions',
              wanted,
              'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
            ),
          ]
        : []),
    ];
  },
};
