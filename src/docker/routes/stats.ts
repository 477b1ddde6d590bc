import { totalmem } from 'node:os';
import { delay } from '../../base/abort.ts';
import { KindError } from '../../base/errors.ts';
import type { Container } from '../../engine/containers/container.ts';
import type { ContainerStats } from '../../engine/containers/containers.ts';
import { stateOf } from '../../engine/containers/state.ts';
import { flagParam, flagParamOr, param, type Call } from '../call.ts';
import { containerStats } from '../encode/stats.ts';
import type { Route } from '../router.ts';

export const statsRoutes: readonly Route[] = [{ method: 'GET', pattern: '/containers/:id/stats', handle: stats }];

const periodMs = 1000;

/** Streams a sample per second; without `stream` one sample after a first one to compare with, unless `one-shot`. */
async function stats(call: Call): Promise<void> {
  const { containers } = call.engine;
  const container = await containers.get(param(call, 'id'));
  const stream = flagParamOr(call.query, 'stream', true);
  const oneShot = flagParam(call.query, 'one-shot');
  if (stream && oneShot) throw new KindError('invalid', 'cannot have stream=true and one-shot=true');
  if (!stream) {
    const before = oneShot ? undefined : await firstSample(call, container);
    const now = await sample(call, container);
    return call.reply.json(containerStats(container, now, before, totalmem()));
  }
  call.reply.begin('application/json');
  let before: ContainerStats | undefined;
  for (;;) {
    const current = await containers.get(container.id).catch(() => undefined);
    if (current === undefined) return call.reply.end();
    const now = await sample(call, current);
    await call.reply.write(`${JSON.stringify(containerStats(current, now, before, totalmem()))}\n`);
    before = now;
    await delay(periodMs, call.signal);
  }
}

/** Clients that do not stream still want percentages: two samples a moment apart. */
async function firstSample(call: Call, container: Container): Promise<ContainerStats | undefined> {
  const first = await sample(call, container);
  if (first) await delay(periodMs, call.signal);
  return first;
}

/** A container that does not run has no numbers. */
async function sample(call: Call, container: Container): Promise<ContainerStats | undefined> {
  if (!['running', 'paused'].includes(stateOf(container))) return undefined;
  return call.engine.containers.stats(container.id);
}
