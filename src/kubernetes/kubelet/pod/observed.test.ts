import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../../engine/containers/container.ts';
import { observe, podLabels } from './observed.ts';

const [early, late] = [new Date(1000), new Date(2000)];

const table: readonly (readonly [string, Partial<Container>, string])[] = [
  ['runs', { pid: 7, startedAt: early }, 'running'],
  ['was never started', {}, 'created'],
  ['has ended', { startedAt: early, finishedAt: late, exitCode: 0 }, 'exited'],
  ['ended before its start was recorded', { startedAt: late, finishedAt: early, exitCode: 0 }, 'exited'],
  ['could not start', { error: 'no such file' }, 'exited'],
];

for (const [name, facts, state] of table) {
  test(`a container that ${name} is ${state}`, () => {
    const base = {
      id: 'c1',
      labels: { [podLabels.uid]: 'u1', [podLabels.container]: 'app' },
      createdAt: early,
      spec: { image: 'x' },
      isRemoving: false,
    };
    const [container] = observe('u1', { namespace: 'default', name: 'web' }, undefined, [
      { ...base, ...facts } as unknown as Container,
    ]).containers;
    assert.equal(container?.state, state);
  });
}
