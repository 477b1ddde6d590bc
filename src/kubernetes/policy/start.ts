import { namespaces, networkPolicies, pods } from '../../api/kubernetes/kinds.ts';
import type { Pod } from '../../api/kubernetes/types.generated.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Client } from '../client/client.ts';
import { startController, watching, type Controller } from '../client/controller.ts';
import { informer } from '../client/informer.ts';
import { planPolicies, type PolicyPod } from './plan.ts';
import { renderPolicies, tableName } from './render.ts';

export interface PolicyOptions {
  readonly client: Client;
  readonly kernel: Pick<Kernel, 'firewall'>;
  readonly nodeName: string;
  /** Where cluster DNS answers: to policies it is the pod that runs it elsewhere. */
  readonly dnsAddress: string;
  readonly log: Log;
}

const table = 'table';
/** Whoever changes the table changes it more than once: mended when there was silence for so long. */
const settleMs = 100;

/**
 * Enforces NetworkPolicies on this node's pods: one key, the whole table, written when its text differs or somebody
 * changed it. Packets between pods of one bridge pass it too, since the bridge hands them to the IP hooks
 * (br_netfilter). The table stays when this ends.
 */
export async function startPolicies(options: PolicyOptions): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const { client, kernel, nodeName, dnsAddress, log } = options;
  const [policies, allPods, allNamespaces] = [
    starting.use(informer(client, networkPolicies, { log })),
    starting.use(informer(client, pods, { log })),
    starting.use(informer(client, namespaces, { log })),
  ];
  let applied: string | undefined;
  let mending: NodeJS.Timeout | undefined;
  const watch = starting.use(
    kernel.firewall.watchTable('ip', tableName, () => {
      applied = undefined;
      clearTimeout(mending);
      mending = setTimeout(() => {
        log.warn({ table: tableName }, 'somebody changed the policy table; it is written anew');
        controller.enqueue(table, 'the table was changed');
      }, settleMs);
    }),
  );
  starting.defer(() => clearTimeout(mending));
  const key = (): readonly string[] => [table];
  const controller: Controller = starting.use(
    startController({
      name: 'network-policy',
      client,
      log,
      workers: 1,
      sources: [
        watching(policies, key),
        watching(allPods, (_pod, { type, object, previous }) =>
          type === 'updated' && previous && isSame(object, previous) ? [] : [table],
        ),
        watching(allNamespaces, key),
      ],
      reconcile: async () => {
        const labels = new Map(allNamespaces.list().map(({ metadata }) => [metadata.name ?? '', metadata.labels ?? {}]));
        const seen = [clusterDns(dnsAddress), ...allPods.list().flatMap((pod) => policyPod(pod, nodeName))];
        const text = renderPolicies(planPolicies(policies.list(), seen, labels));
        if (text === applied) return;
        if (policies.list().length > 0 && !kernel.firewall.filterBridged()) {
          log.warn({}, 'this kernel has no br_netfilter: NetworkPolicies do not hold between pods of this node (modprobe br_netfilter)');
        }
        applied = text;
        try {
          await watch.own(1, () => kernel.firewall.nft(text));
        } catch (error) {
          applied = undefined;
          throw error;
        }
      },
    }),
  );
  return starting.move();
}

function clusterDns(ip: string): PolicyPod {
  const ports = ['UDP', 'TCP'].map((protocol) => ({ name: protocol === 'UDP' ? 'dns' : 'dns-tcp', protocol, port: 53 }));
  return { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, ip, ports, isLocal: false };
}

/** Pods on the host's own network are the host. */
export function policyPod({ metadata, spec, status }: Pod, nodeName: string): readonly PolicyPod[] {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (!status?.podIP || isOver || spec?.hostNetwork === true) return [];
  const ports = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
    .flatMap((container) => container.ports ?? [])
    .flatMap(({ name, protocol = 'TCP', containerPort }) => (name ? [{ name, protocol, port: containerPort }] : []));
  return [
    {
      namespace: metadata.namespace ?? '',
      labels: metadata.labels ?? {},
      ip: status.podIP,
      ports,
      isLocal: spec?.nodeName === nodeName,
    },
  ];
}

/** Most changes of pods (conditions, restarts) are nothing to policies. */
function isSame(now: Pod, before: Pod): boolean {
  const facts = (pod: Pod): string => JSON.stringify(policyPod(pod, ''));
  return facts(now) === facts(before);
}
