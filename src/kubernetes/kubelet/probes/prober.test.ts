import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { ObservedContainer } from '../pod/observed.ts';
import { Prober } from './prober.ts';

const probe = { exec: { command: ['true'] } };
const container = { name: 'c', image: 'x', readinessProbe: probe, startupProbe: probe };
const running = { id: 'abc', name: 'c', state: 'running', startedAt: new Date() } as unknown as ObservedContainer;

function pod(said: { readonly ready: boolean; readonly started: boolean } | undefined): Pod {
  const statuses = said && [{ name: 'c', image: 'x', imageID: '', restartCount: 0, containerID: 'davit://abc', ...said }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', uid: 'u' },
    spec: { containers: [container] },
    status: { containerStatuses: statuses },
  };
}

function prober(): Prober {
  const never = new Promise<never>(() => undefined);
  return new Prober({ execs: { run: () => never }, changed: () => undefined, unhealthy: () => undefined });
}

test('a new container is neither started nor ready until a probe says so', () => {
  using probes = prober();
  assert.deepEqual(
    [probes.facts(pod(undefined), container, running).started, probes.facts(pod(undefined), container, running).ready],
    [false, false],
  );
  probes.watch(pod(undefined), container, running, '10.0.0.1');
  assert.equal(probes.facts(pod(undefined), container, running).ready, false);
});

test('a kubelet that starts again leaves a ready container ready, before and after it probes it', () => {
  using probes = prober();
  const known = pod({ ready: true, started: true });
  assert.deepEqual([probes.facts(known, container, running).started, probes.facts(known, container, running).ready], [true, true]);
  probes.watch(known, container, running, '10.0.0.1');
  assert.equal(probes.facts(known, container, running).ready, true);
});

test('what was said of an earlier container of the pod does not count', () => {
  using probes = prober();
  const later = { ...running, id: 'def' };
  assert.equal(probes.facts(pod({ ready: true, started: true }), container, later).ready, false);
  probes.watch(pod({ ready: true, started: true }), container, later, '10.0.0.1');
  assert.equal(probes.facts(pod({ ready: true, started: true }), container, later).ready, false);
});
