import { isIP } from 'node:net';
import { Environment } from '@marcbachmann/cel-js';
import { messageOf } from '../../../base/errors.ts';
import { quantityOf } from '../../../api/kubernetes/quantity.ts';

/** A compiled expression of the Common Expression Language. https://kubernetes.io/docs/reference/using-api/cel/ */
export type Expression = (variables: Readonly<Record<string, unknown>>) => unknown;

/** What expressions of match conditions and policies may speak of. */
export const policyVariables = ['object', 'oldObject', 'request', 'params', 'namespaceObject', 'variables'] as const;

/** What an expression may be at most: whoever writes one must not be able to hold up the server. */
const limits = { maxAstNodes: 3000, maxDepth: 64, maxListElements: 500, maxMapEntries: 500, maxCallArguments: 32 };

type Comparable = bigint | number | string;

const least = (list: readonly Comparable[]): Comparable => list.reduce((a, b) => (b < a ? b : a));
const most = (list: readonly Comparable[]): Comparable => list.reduce((a, b) => (b > a ? b : a));
const sum = (list: readonly bigint[]): bigint => list.reduce((a, b) => a + b, 0n);
const isSorted = (list: readonly Comparable[]): boolean =>
  list.every((one, index) => index === 0 || (list[index - 1] as Comparable) <= one);
const position = (index: number): bigint => BigInt(index);

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && URL.canParse(text);
}

/** The language with Kubernetes' own functions for lists, texts, quantities, addresses and sets. */
function environment(variables: readonly string[]): Environment {
  const env = new Environment({ unlistedVariablesAreDyn: false, homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits });
  for (const name of variables) env.registerVariable(name, 'dyn');
  env.registerFunction('list.sum(): dyn', sum);
  env.registerFunction('list.min(): dyn', least);
  env.registerFunction('list.max(): dyn', most);
  env.registerFunction('list.isSorted(): bool', isSorted);
  env.registerFunction('list.indexOf(dyn): int', (list: readonly unknown[], one: unknown) => position(list.indexOf(one)));
  env.registerFunction('list.lastIndexOf(dyn): int', (list: readonly unknown[], one: unknown) => position(list.lastIndexOf(one)));
  env.registerFunction('string.find(string): string', (text: string, pattern: string) => new RegExp(pattern, 'u').exec(text)?.[0] ?? '');
  env.registerFunction('string.findAll(string): list', (text: string, pattern: string) => text.match(new RegExp(pattern, 'gu')) ?? []);
  env.registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) => text.replaceAll(from, to));
  env.registerFunction('isURL(string): bool', isUrl);
  env.registerFunction('isIP(string): bool', (text: string) => isIP(text) > 0);
  env.registerFunction('isQuantity(string): bool', isQuantity);
  env.registerFunction('quantity(string): double', (text: string) => quantityOf(text));
  env.registerFunction('double.isGreaterThan(double): bool', (a: number, b: number) => a > b);
  env.registerFunction('double.isLessThan(double): bool', (a: number, b: number) => a < b);
  env.registerFunction('double.compareTo(double): int', (a: number, b: number) => BigInt(Math.sign(a - b)));
  return env;
}

function isQuantity(text: string): boolean {
  try {
    quantityOf(text);
    return true;
  } catch {
    return false;
  }
}

const environments = new Map<string, Environment>();
const compiled = new Map<string, Expression>();
const keptExpressions = 2000;

/** Compiles an expression over the named variables; throws what is wrong with it. */
export function compile(expression: string, variables: readonly string[]): Expression {
  const names = variables.join(',');
  const key = `${names}|${expression}`;
  const known = compiled.get(key);
  if (known) return known;
  const env = environments.get(names) ?? environment(variables);
  environments.set(names, env);
  try {
    const parsed = env.parse(expression);
    const { valid, error } = parsed.check();
    if (!valid) throw error ?? new Error('it does not type-check');
    if (compiled.size >= keptExpressions) compiled.clear();
    compiled.set(key, parsed as Expression);
    return parsed as Expression;
  } catch (error) {
    throw new Error(`compilation failed: ERROR: <input>: ${messageOf(error).split('\n')[0]}`, { cause: error });
  }
}
