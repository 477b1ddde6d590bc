import { KindError } from '../base/errors.ts';
import type { Handler } from './call.ts';

/** `GET /containers/:id/json`; `:name*` also takes slashes, as image names have them. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly pattern: string;
  readonly handle: Handler;
}

export interface Match {
  readonly handle: Handler;
  readonly params: Readonly<Record<string, string>>;
}

export type Router = (method: string, path: string) => Match;

export function createRouter(routes: readonly Route[]): Router {
  const compiled = routes.map((route) => ({ ...route, regexp: compile(route.pattern) }));
  return (method, path) => {
    for (const route of compiled) {
      if (route.method !== method) continue;
      const match = route.regexp.exec(path);
      if (match) return { handle: route.handle, params: decoded(match.groups ?? {}) };
    }
    throw new KindError('notFound', 'page not found');
  };
}

function compile(pattern: string): RegExp {
  const source = pattern.replaceAll(/:(\w+)(\*)?/g, (_, name: string, many: string | undefined) => `(?<${name}>${many ? '.+' : '[^/]+'})`);
  return new RegExp(`^${source}$`);
}

function decoded(groups: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decode(value)]));
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    throw new KindError('invalid', `invalid URL escape "${value}"`, { cause: error });
  }
}
