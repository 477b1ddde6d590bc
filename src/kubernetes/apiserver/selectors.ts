import { apiError } from './status.ts';

type Labels = Readonly<Record<string, unknown>>;
export type Matcher = (labels: Labels) => boolean;

const word = String.raw`[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?`;
const key = String.raw`(?:${word}/)?${word}`;
const setBased = new RegExp(`^(${key})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const equality = new RegExp(`^(${key})\\s*(==|=|!=|>|<)\\s*((?:${word})?)$`);
const existence = new RegExp(`^(!?)\\s*(${key})$`);

/** `app=web,tier!=db,env in (a,b),!old` → a predicate over labels; undefined selects everything. */
export function labelMatcher(selector: string | undefined): Matcher | undefined {
  if (selector === undefined || selector.trim() === '') return undefined;
  const matchers = selector.split(/,(?![^(]*\))/).map((part) => requirement(part.trim(), selector));
  return (labels) => matchers.every((matches) => matches(labels));
}

function requirement(part: string, selector: string): Matcher {
  const set = setBased.exec(part);
  if (set) return membership(set[1] ?? '', set[2] === 'in', set[3] ?? '');
  const compared = equality.exec(part);
  if (compared) return comparison(compared[1] ?? '', compared[2] ?? '', compared[3] ?? '');
  const exists = existence.exec(part);
  if (exists) return (labels) => Object.hasOwn(labels, exists[2] ?? '') === (exists[1] === '');
  throw apiError('BadRequest', `unable to parse requirement: found '${part}' in the label selector "${selector}"`);
}

function membership(name: string, isIn: boolean, list: string): Matcher {
  const values = new Set(list.split(',').map((value) => value.trim()));
  return (labels) => (Object.hasOwn(labels, name) && values.has(String(labels[name]))) === isIn;
}

function comparison(name: string, operator: string, value: string): Matcher {
  if (operator === '!=') return (labels) => labels[name] !== value;
  if (operator === '>') return (labels) => Number(labels[name]) > Number(value);
  if (operator === '<') return (labels) => Number(labels[name]) < Number(value);
  return (labels) => labels[name] === value;
}

/** `metadata.name=web,status.phase!=Running` over the fields that the kind offers. */
export function fieldMatcher(selector: string | undefined, apiVersion: string, known: readonly string[]): Matcher | undefined {
  if (selector === undefined || selector.trim() === '') return undefined;
  const matchers = selector.split(',').map((part): Matcher => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part.trim());
    if (!match) throw apiError('BadRequest', `invalid selector: '${part}'; can't understand '${part}'`);
    const [, name = '', operator, value] = match;
    if (!known.includes(name)) {
      throw apiError(
        'BadRequest',
        `Unable to find "${apiVersion}" that match label selector "", field selector "${selector}": field label not supported: ${name}`,
      );
    }
    return (fields) => (String(fields[name] ?? '') === value) === (operator !== '!=');
  });
  return (fields) => matchers.every((matches) => matches(fields));
}
