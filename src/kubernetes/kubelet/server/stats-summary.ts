import type { Engine } from '../../../engine/engine.ts';
import type { HostUsage } from '../../../kernel/host-facts.ts';
import { podLabels } from '../pod/observed.ts';

/** The part of the kubelet's summary API that `kubectl top` and autoscalers read: CPU and memory of the node and per container. */
export async function statsSummary(engine: Engine, nodeName: string, host: HostUsage): Promise<object> {
  const running = (await engine.containers.list()).filter((container) => container.pid !== undefined && container.labels[podLabels.uid]);
  const measured = await Promise.all(
    running.map(async (container) => {
      const stats = await engine.containers.stats(container.id).catch(() => undefined);
      const time = new Date().toISOString();
      const usage = {
        name: container.labels[podLabels.container],
        startTime: container.startedAt?.toISOString(),
        cpu: { time, usageCoreNanoSeconds: stats?.cpu?.usageNs ?? 0 },
        memory: {
          time,
          workingSetBytes: Math.max(0, (stats?.memory?.usageBytes ?? 0) - (stats?.memory?.stat['total_inactive_file'] ?? 0)),
          usageBytes: stats?.memory?.usageBytes ?? 0,
        },
      };
      return { container, usage };
    }),
  );
  const pods = [...Map.groupBy(measured, ({ container }) => container.labels[podLabels.uid])].map(([uid, list]) => ({
    podRef: { name: list[0]?.container.labels[podLabels.name], namespace: list[0]?.container.labels[podLabels.namespace], uid },
    containers: list.map(({ usage }) => usage),
  }));
  const time = new Date().toISOString();
  const node = {
    nodeName,
    cpu: { time, usageCoreNanoSeconds: host.cpuNs },
    memory: { time, workingSetBytes: host.workingSetBytes, usageBytes: host.usageBytes },
  };
  return { node, pods };
}
