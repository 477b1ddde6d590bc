import { isObject } from '../json.ts';

type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'filter'; readonly path: readonly Step[]; readonly value: string };

/** `.status.conditions[?(@.type=="Ready")].status` → the values it leads to. What printer columns and scale use of JSONPath. */
export function jsonPath(expression: string): (object: unknown) => readonly unknown[] {
  const steps = parse(expression.replace(/^\{|\}$/g, ''));
  return (object) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap((value) => follow(value, step)), [object]);
}

function follow(value: unknown, step: Step): readonly unknown[] {
  if (step.type === 'field') return isObject(value) && value[step.name] !== undefined ? [value[step.name]] : [];
  if (step.type === 'all') return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  if (!Array.isArray(value)) return [];
  if (step.type === 'index') return value.slice(step.index).slice(0, 1);
  return value.filter((item) => {
    const [found] = step.path.reduce<readonly unknown[]>((all, inner) => all.flatMap((one) => follow(one, inner)), [item]);
    return String(found) === step.value;
  });
}

const pattern =
  /^(?:\.?\[\?\(@(?<path>[^=)]+?)\s*==\s*(?<value>"[^"]*"|'[^']*'|[^)]+)\)\]|\.?\[(?<index>-?\d+)\]|\.?\[(?<all>\*)\]|\.?\['(?<quoted>[^']+)'\]|\.(?<name>(?:\\.|[^.[\\])+))/;

function parse(text: string): readonly Step[] {
  const steps: Step[] = [];
  let rest = text.startsWith('.') || text.startsWith('[') ? text : `.${text}`;
  while (rest !== '' && rest !== '.') {
    const match = pattern.exec(rest);
    if (!match?.groups) return [{ type: 'field', name: '\0' }];
    const { path, value, index, all, quoted, name } = match.groups;
    if (path !== undefined) steps.push({ type: 'filter', path: parse(path), value: (value ?? '').replace(/^["']|["']$/g, '') });
    else if (index !== undefined) steps.push({ type: 'index', index: Number(index) });
    else if (all !== undefined || name === '*') steps.push({ type: 'all' });
    else steps.push({ type: 'field', name: (quoted ?? name ?? '').replaceAll(/\\(.)/g, '$1') });
    rest = rest.slice(match[0].length);
  }
  return steps;
}
