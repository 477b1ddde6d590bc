import { arrayOf, equal, objectsOf, textOf } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, forbidden, invalid, required, type Body, type Strategy } from './strategy.ts';

/** Who asked is the server's to say, never the request's. */
export const signingRequestStrategy: Strategy = {
  ...baseStrategy,
  prepareForCreate: (object, user) => ({
    ...object,
    spec: {
      ...withoutRequester(object),
      username: user.name,
      groups: user.groups,
      ...(user.uid && { uid: user.uid }),
      ...(user.extra && Object.keys(user.extra).length > 0 && { extra: user.extra }),
    },
    status: {},
  }),
  validate: (object) => {
    const { request, signerName, usages } = object.spec ?? {};
    const text = Buffer.from(textOf(request), 'base64').toString('latin1');
    return [
      ...(/-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(text)
        ? []
        : [invalid('spec.request', textOf(request), 'PEM block type must be CERTIFICATE REQUEST')]),
      ...(arrayOf(usages).length > 0 ? [] : [required('spec.usages')]),
      ...checkSigner(textOf(signerName)),
    ];
  },
  validateUpdate: (object, before) => [
    ...(equal(object.spec, before.spec) ? [] : [forbidden('spec', 'spec is immutable')]),
    ...checkConditions(object, before),
  ],
  selectableFields: { 'spec.signerName': (object) => textOf(object.spec?.['signerName']) },
};

function withoutRequester(object: Body): object {
  const { username: _name, groups: _groups, uid: _uid, extra: _extra, ...rest } = object.spec ?? {};
  return rest;
}

function checkSigner(name: string): readonly FieldCause[] {
  if (!name) return [required('spec.signerName')];
  return /^[^/]+\.[^/]+\/[^/]+$/.test(name)
    ? []
    : [invalid('spec.signerName', name, 'must be a fully qualified domain and path of the form "example.com/signer-name"')];
}

/** Approved and denied at once, or taken back, is refused. */
function checkConditions(object: Body, before: Body): readonly FieldCause[] {
  const types = (body: Body): readonly string[] => objectsOf(body.status?.['conditions']).map((one) => textOf(one['type']));
  const now = types(object);
  const lost = types(before).filter((type) => ['Approved', 'Denied', 'Failed'].includes(type) && !now.includes(type));
  const isBoth = now.includes('Approved') && now.includes('Denied');
  return [
    ...(isBoth ? [invalid('status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive')] : []),
    ...lost.map((type) => forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`)),
  ];
}
