import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { nodes } from '../api/kubernetes/kinds.ts';
import type { Node } from '../api/kubernetes/types.generated.ts';
import { delay } from '../base/abort.ts';
import type { Client } from '../kubernetes/client/client.ts';
import { usageBetween, type Counters, type Reading, type Usage } from '../kubernetes/metrics/usage.ts';

interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Measured {
  readonly cpu: { readonly time: string; readonly usageCoreNanoSeconds: number };
  readonly memory: { readonly workingSetBytes: number };
}

/** The kubelet's summary API, as far as it is read here. */
interface Summary {
  readonly node: Measured & { readonly nodeName: string };
  readonly pods: readonly {
    readonly podRef: { readonly namespace: string; readonly name: string; readonly uid: string };
    readonly containers: readonly (Measured & { readonly name: string })[];
  }[];
}

/** Asked again sooner than this, the answer is the same. */
const freshMs = 5000;
/** A reading older than this says nothing about now: two new ones are taken. */
const staleMs = 120_000;
const shortestWindowMs = 1000;

/** What nodes and pods use, from the kubelets' summaries, when somebody asks: CPU is the rate between two readings. */
export function usageMeter(client: Client, tls: Tls): () => Promise<Usage> {
  let last: Reading | undefined;
  let known: Usage | undefined;
  let measuring: Promise<Usage> | undefined;
  const measure = async (): Promise<Usage> => {
    let before = last;
    if (!before || Date.now() - before.at > staleMs) {
      before = await read(client, tls);
      await delay(shortestWindowMs);
    }
    last = await read(client, tls);
    known = usageBetween(before, last);
    return known;
  };
  return () => {
    if (known && Date.now() - known.at < freshMs) return Promise.resolve(known);
    measuring ??= measure().finally(() => {
      measuring = undefined;
    });
    return measuring;
  };
}

async function read(client: Client, tls: Tls): Promise<Reading> {
  const { items } = await client.list(nodes);
  // A node that does not answer has no metrics; the others have.
  const summaries = await Promise.all(items.map((node) => summaryOf(node, tls).catch(() => undefined)));
  const told = summaries.filter((summary) => summary !== undefined);
  return {
    at: Date.now(),
    nodes: told.map(({ node }) => countersOf(node.nodeName, node)),
    pods: told.flatMap(({ pods }) =>
      pods.map(({ podRef, containers }) => ({ ...podRef, containers: containers.map((one) => countersOf(one.name, one)) })),
    ),
  };
}

function countersOf(name: string, { cpu, memory }: Measured): Counters {
  return { name, at: Date.parse(cpu.time), cpuNs: cpu.usageCoreNanoSeconds, memory: memory.workingSetBytes };
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
