import { rm } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import type { StepRunner } from '../build/builder.ts';
import { abortable } from '../../base/abort.ts';
import { launch, teardown, type LaunchParts } from './launch.ts';
import { placesOf } from './mount-points.ts';
import { generateName } from './names.ts';
import { pathsOf } from './paths.ts';
import { unbornFacts, type ContainerRecord } from './record.ts';

/** A RUN step is a container without a record: it never outlives its build, and what a crash leaves is swept at the next start. */
export function createStepRunner(parts: LaunchParts): StepRunner {
  const { kernel, snapshots, config, registry } = parts;
  return {
    async run(step, output, signal) {
      const [path = '', ...args] = step.args;
      const record = stepRecord(
        step,
        path,
        args,
        generateName((name) => registry.isTaken(name)),
      );
      const paths = pathsOf(config, record.id);
      await using undo = new AsyncDisposableStack();
      undo.defer(async () => {
        await Promise.all([rm(paths.bundle, { recursive: true, force: true }), rm(paths.data, { recursive: true, force: true })]);
      });
      mkdirSync(paths.bundle, { recursive: true });
      await snapshots.prepare(record.id, step.layers, placesOf(record.spec));
      undo.defer(() => snapshots.remove(record.id));
      undo.defer(() => teardown(parts, record));
      let pump: Promise<void> = Promise.resolve();
      await launch(parts, record, async () => {
        const streams = await kernel.runtime.attach(paths.supervision);
        undo.defer(() => streams[Symbol.dispose]());
        pump = (async () => {
          for await (const { stream, data } of streams.output) output(stream, data);
        })();
        pump.catch(() => undefined);
      });
      const exit = await abortable(kernel.runtime.exited(paths.supervision, signal), signal);
      await pump;
      await teardown(parts, record);
      if (exit.code !== 0) return { exitCode: exit.code, layer: undefined };
      return { exitCode: 0, layer: await snapshots.commit(record.id, { consume: true, newest: step.newest }) };
    },
  };
}

function stepRecord(step: Parameters<StepRunner['run']>[0], path: string, args: readonly string[], name: string): ContainerRecord {
  const { id } = step;
  return {
    id,
    name,
    spec: {
      image: '',
      network: step.network || 'bridge',
      extraHosts: step.extraHosts,
      limits: step.limits,
      ...(step.shmBytes && { shmBytes: step.shmBytes }),
      ...(step.ulimits && { ulimits: step.ulimits }),
      logDriver: 'none',
    },
    imageId: 'sha256:',
    path,
    args,
    env: step.env,
    workingDirectory: step.workingDirectory,
    user: step.user,
    hostname: step.hostname ?? id.slice(0, 12),
    labels: {},
    stopSignal: 'SIGTERM',
    createdAt: new Date(),
    ...unbornFacts,
    mounts: step.mounts ?? [],
    layers: step.layers,
    isBuildStep: true,
  };
}
