import { KindError, wrap } from '../../base/errors.ts';
import { integerParam, param, type Call } from '../call.ts';
import type { Route } from '../router.ts';

export const lifecycleRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/containers/:id/start', handle: start },
  { method: 'POST', pattern: '/containers/:id/stop', handle: stop },
  { method: 'POST', pattern: '/containers/:id/restart', handle: restart },
  { method: 'POST', pattern: '/containers/:id/kill', handle: kill },
  { method: 'POST', pattern: '/containers/:id/pause', handle: pause },
  { method: 'POST', pattern: '/containers/:id/unpause', handle: unpause },
  { method: 'POST', pattern: '/containers/:id/wait', handle: wait },
  { method: 'POST', pattern: '/containers/:id/resize', handle: resize },
];

async function start(call: Call): Promise<void> {
  if (call.query.get('checkpoint')) throw new KindError('notImplemented', 'starting from a checkpoint is not supported by this engine');
  if (await call.engine.containers.start(param(call, 'id'))) call.reply.empty(204);
  else call.reply.notModified();
}

async function stop(call: Call): Promise<void> {
  if (await call.engine.containers.stop(param(call, 'id'), stopOptions(call))) call.reply.empty(204);
  else call.reply.notModified();
}

/** A signal of one's own: since API 1.42. */
function stopOptions({ minor, query }: Call): { readonly timeoutSeconds?: number; readonly signal?: string } {
  return { timeoutSeconds: integerParam(query, 't'), signal: minor < 42 ? undefined : query.get('signal') || undefined };
}

async function restart(call: Call): Promise<void> {
  await call.engine.containers.restart(param(call, 'id'), stopOptions(call));
  call.reply.empty(204);
}

async function kill(call: Call): Promise<void> {
  const id = param(call, 'id');
  await call.engine.containers.kill(id, call.query.get('signal') || 'SIGKILL').catch((error: unknown) => {
    throw wrap(error, `cannot kill container: ${id}`);
  });
  call.reply.empty(204);
}

async function pause(call: Call): Promise<void> {
  await call.engine.containers.pause(param(call, 'id'));
  call.reply.empty(204);
}

async function unpause(call: Call): Promise<void> {
  await call.engine.containers.unpause(param(call, 'id'));
  call.reply.empty(204);
}

/** The headers go out at once: `docker run` starts the container only when they have come. */
async function wait(call: Call): Promise<void> {
  const condition = call.query.get('condition') || 'not-running';
  if (condition !== 'not-running' && condition !== 'next-exit' && condition !== 'removed') {
    throw new KindError('invalid', `invalid condition: "${condition}"`);
  }
  const { id } = await call.engine.containers.get(param(call, 'id'));
  const waiting = call.engine.containers.wait(id, condition, call.signal);
  call.reply.begin('application/json');
  const { exitCode, error } = await waiting;
  await call.reply.write(`${JSON.stringify({ StatusCode: exitCode, ...(error ? { Error: { Message: error } } : {}) })}\n`);
  call.reply.end();
}

async function resize(call: Call): Promise<void> {
  await call.engine.containers.resize(param(call, 'id'), sizeOf(call));
  call.reply.empty(200);
}

export function sizeOf(call: Call): { readonly width: number; readonly height: number } {
  const size = { width: integerParam(call.query, 'w'), height: integerParam(call.query, 'h') };
  if (size.width === undefined || size.height === undefined)
    throw new KindError('invalid', 'strconv.Atoi: parsing "": invalid syntax (want w and h)');
  return { width: size.width, height: size.height };
}
