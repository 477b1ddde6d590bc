import { type FieldCause } from '../status.ts';
import { invalid, required } from './strategy.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

export function checkLabelName(field: string, value: string | undefined): readonly FieldCause[] {
  if (!value) return [required(field)];
  if (value.length > 63) return [invalid(field, value, 'must be no more than 63 bytes')];
  return label.test(value) ? [] : [invalid(field, value, labelText)];
}

export function checkSubdomain(field: string, value: string | undefined): readonly FieldCause[] {
  if (!value) return [required(field, 'name or generateName is required')];
  if (value.length > 253) return [invalid(field, value, 'must be no more than 253 bytes')];
  return subdomain.test(value) ? [] : [invalid(field, value, subdomainText)];
}

/** Starts with a letter: versions, names of Services. */
export function checkDnsLabel(field: string, value: string): readonly FieldCause[] {
  if (value.length > 63) return [invalid(field, value, 'must be no more than 63 bytes')];
  if (label.test(value) && !/^\d/.test(value)) return [];
  const text =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  return [invalid(field, value, text)];
}

/** Whatever can stand in a path. */
export function checkPathSegment(field: string, value: string | undefined): readonly FieldCause[] {
  if (!value) return [required(field, 'name or generateName is required')];
  if (value === '.' || value === '..') return [invalid(field, value, `may not be '${value}'`)];
  return ['/', '%'].flatMap((mark) => (value.includes(mark) ? [invalid(field, value, `may not contain '${mark}'`)] : []));
}

/** Keys and values of labels; `field` as `metadata.labels`. */
export function checkLabels(field: string, labels: Readonly<Record<string, string>> | undefined): readonly FieldCause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkQualified(field, key),
    ...(labelValue.test(value) && value.length <= 63
      ? []
      : [
          invalid(
            field,
            value,
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
          ),
        ]),
  ]);
}

function checkQualified(field: string, key: string): readonly FieldCause[] {
  const [name = '', prefix] = key.split('/').toReversed();
  const isPrefixed = prefix === undefined || subdomain.test(prefix);
  if (isPrefixed && qualifiedName.test(name) && name.length <= 63 && key.split('/').length <= 2) return [];
  return [
    invalid(
      field,
      key,
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ),
  ];
}
