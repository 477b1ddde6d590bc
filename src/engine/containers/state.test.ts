import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKind } from '../../base/errors.ts';
import type { Container, ContainerState } from './container.ts';
import { mayDo, stateOf, type ContainerAction } from './state.ts';

const none = {
  startedAt: undefined,
  finishedAt: undefined,
  pausedAt: undefined,
  pid: undefined,
  isRestarting: false,
  isRemoving: false,
  exitCode: undefined,
};
const at = new Date(0);
const facts = {
  created: none,
  running: { ...none, startedAt: at, pid: 7 },
  paused: { ...none, startedAt: at, pid: 7, pausedAt: at },
  restarting: { ...none, startedAt: at, finishedAt: at, exitCode: 1, isRestarting: true },
  exited: { ...none, startedAt: at, finishedAt: at, exitCode: 0 },
  removing: { ...none, isRemoving: true },
} satisfies Partial<Record<ContainerState, object>>;

test('the state follows from the facts', () => {
  for (const [state, given] of Object.entries(facts)) assert.equal(stateOf(given), state);
});

test('a container that failed to start stays created, whatever its exit code', () => {
  assert.equal(stateOf(Object.assign({}, none, { exitCode: 127 })), 'created');
});

const allowed: Readonly<Record<ContainerAction, readonly (keyof typeof facts)[]>> = {
  start: ['created', 'exited'],
  stop: ['running', 'paused', 'restarting'],
  kill: ['running', 'paused', 'restarting'],
  pause: ['running'],
  unpause: ['paused'],
  exec: ['running'],
  attach: ['created', 'running', 'exited'],
  remove: ['created', 'exited'],
  forceRemove: ['created', 'running', 'paused', 'restarting', 'exited'],
};
const nothing: Readonly<Partial<Record<ContainerAction, readonly (keyof typeof facts)[]>>> = {
  start: ['running', 'restarting'],
  stop: ['created', 'exited', 'removing'],
};

test('every other transition is refused', () => {
  for (const action of Object.keys(allowed) as ContainerAction[]) {
    for (const state of Object.keys(facts) as (keyof typeof facts)[]) {
      const container = { ...facts[state], id: 'abc', name: 'web' } as unknown as Container;
      if (allowed[action].includes(state)) assert.equal(mayDo(action, container), true, `${action} ${state}`);
      else if (nothing[action]?.includes(state)) assert.equal(mayDo(action, container), false, `${action} ${state}`);
      else
        assert.throws(
          () => mayDo(action, container),
          (error) => isKind(error, 'conflict'),
          `${action} ${state}`,
        );
    }
  }
});

test('refusals use dockerd’s words', () => {
  const container = { ...facts.running, id: 'abc', name: 'web' } as unknown as Container;
  assert.throws(
    () => mayDo('remove', container),
    /cannot remove container "web": container is running: stop the container before removing or force remove/,
  );
});
