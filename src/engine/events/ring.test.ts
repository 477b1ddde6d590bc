import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvents } from './ring.ts';

const event = (action: string) => ({ type: 'container' as const, action, id: 'a', attributes: {} });

test('tells the past from `since` on, then live events until aborted', async () => {
  let clock = 0;
  const events = createEvents(() => new Date(clock));
  events.publish(event('create'));
  clock = 1000;
  events.publish(event('start'));
  const controller = new AbortController();
  const seen: string[] = [];
  for await (const { action } of events.stream({ since: new Date(1000) }, controller.signal)) {
    seen.push(action);
    if (action === 'start') events.publish(event('die'));
    if (action === 'die') controller.abort();
  }
  assert.deepEqual(seen, ['start', 'die']);
});

test('ends at a past `until` without waiting', async () => {
  let clock = 0;
  const events = createEvents(() => new Date(clock));
  events.publish(event('create'));
  clock = 5000;
  const seen = await Array.fromAsync(events.stream({ until: new Date(4000) }, new AbortController().signal));
  assert.deepEqual(
    seen.map((each) => each.action),
    ['create'],
  );
});

test('keeps the newest thousand', async () => {
  const events = createEvents();
  for (let index = 0; index < 1005; index++) events.publish(event(`e${index}`));
  const seen = await Array.fromAsync(events.stream({ since: new Date(0), until: new Date() }, new AbortController().signal));
  assert.equal(seen[0]?.action, 'e5');
});

test('a listener that does not read is let go, the others are not', async () => {
  const events = createEvents();
  const { signal } = new AbortController();
  const [slow, quick] = [events.stream({}, signal)[Symbol.asyncIterator](), events.stream({}, signal)[Symbol.asyncIterator]()];
  const firsts = [slow.next(), quick.next()];
  events.publish(event('first'));
  await Promise.all(firsts);
  for (let index = 0; index < 10_001; index++) {
    const next = quick.next();
    events.publish(event('more'));
    await next;
  }
  const drained = async (): Promise<number> => {
    for (let count = 0; ; count++) if ((await slow.next()).done) return count;
  };
  await assert.rejects(drained(), { kind: 'unavailable' });
  await quick.return?.();
});
