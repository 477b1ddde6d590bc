import type { LabelSelector } from './types.generated.ts';

type Labels = Readonly<Record<string, string>>;

/** metav1.LabelSelector: all of matchLabels and all of matchExpressions; the empty selector matches everything. */
export function matchesLabels(selector: LabelSelector, labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal && (selector.matchExpressions ?? []).every(({ key, operator, values }) => matchesExpression(labels[key], operator, values ?? []))
  );
}

function matchesExpression(value: string | undefined, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
