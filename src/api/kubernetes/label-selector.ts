import type { LabelSelector } from './types.generated.ts';

type Labels = Readonly<Record<string, string>>;

/** metav1.LabelSelector: all of matchLabels and all of matchExpressions; the empty selector matches everything. */
export function matchesLabels(selector: LabelSelector, labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal && (selector.matchExpressions ?? []).every(({ key, operator, values }) => matchesExpression(labels[key], operator, values ?? []))
  );
}

/** One requirement of a label selector; `Gt` and `Lt` only come from node selectors. */
export function matchesExpression(value: string | undefined, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
