import { KindError } from '../../base/errors.ts';
import { serveBuild } from '../build-session.ts';
import { param, type Call } from '../call.ts';
import type { Route } from '../router.ts';

/** What davit's own commands ask, beside the Docker Engine API. */
export const davitRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/davit/build', handle: serveBuild },
  { method: 'GET', pattern: '/davit/build/why', handle: why },
  { method: 'GET', pattern: '/davit/images/:name*/explain', handle: explain },
];

async function why(call: Call): Promise<void> {
  call.reply.json(await call.engine.builder.why(call.query.get('reference') ?? 'last'));
}

async function explain(call: Call): Promise<void> {
  const path = call.query.get('path') ?? '';
  if (path === '') throw new KindError('invalid', 'explain: which path?');
  call.reply.json(await call.engine.builder.explain(param(call, 'name'), path));
}
