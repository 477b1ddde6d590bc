import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { nodes } from '../api/kubernetes/kinds.ts';
import type { Node } from '../api/kubernetes/types.generated.ts';
import type { Client } from '../kubernetes/client/client.ts';
import type { PodUsage } from '../kubernetes/controllers/autoscaling/desired.ts';

interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly namespace: string; readonly name: string; readonly uid: string };
    readonly containers: readonly {
      readonly cpu: { readonly time: string; readonly usageCoreNanoSeconds: number };
      readonly memory: { readonly workingSetBytes: number };
    }[];
  }[];
}

interface Sample {
  readonly at: number;
  readonly cpuNs: number;
}

/** Readings closer together than this say little about a rate. */
const leastMs = 5000;

/** What pods use, from the kubelets' summaries: CPU is the rate between two readings, so that the first one tells none. */
export function podUsage(client: Client, tls: Tls): () => Promise<ReadonlyMap<string, PodUsage>> {
  let samples = new Map<string, Sample>();
  let known: ReadonlyMap<string, PodUsage> = new Map();
  let readAt = 0;
  return async () => {
    if (Date.now() - readAt < leastMs) return known;
    readAt = Date.now();
    const { items } = await client.list(nodes);
    const summaries = await Promise.all(items.map((node) => summaryOf(node, tls).catch(() => undefined)));
    const [found, fresh] = [new Map<string, PodUsage>(), new Map<string, Sample>()];
    for (const { podRef, containers } of summaries.flatMap((one) => one?.pods ?? [])) {
      const at = Date.parse(containers[0]?.cpu.time ?? '') || readAt;
      const cpuNs = containers.reduce((sum, { cpu }) => sum + cpu.usageCoreNanoSeconds, 0);
      const memory = containers.reduce((sum, one) => sum + one.memory.workingSetBytes, 0);
      fresh.set(podRef.uid, { at, cpuNs });
      const before = samples.get(podRef.uid);
      // A container that was restarted began again at zero.
      if (!before || before.cpuNs > cpuNs || at <= before.at) continue;
      found.set(`${podRef.namespace}/${podRef.name}`, { cpu: (cpuNs - before.cpuNs) / 1e6 / (at - before.at), memory });
    }
    [samples, known] = [fresh, found];
    return known;
  };
}

async function summaryOf({ status }: Node, tls: Tls): Promise<Summary | undefined> {
  const host = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port;
  if (host === undefined || port === undefined) return undefined;
  const outgoing = request({ host, port, path: '/stats/summary', ...tls, agent: false, timeout: 5000 });
  outgoing.on('timeout', () => outgoing.destroy(new Error('the kubelet does not answer')));
  outgoing.end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await answer.toArray()).toString('utf8');
  return answer.statusCode === 200 ? (JSON.parse(text) as Summary) : undefined;
}
