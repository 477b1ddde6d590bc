import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Node, Pod } from '../../../api/kubernetes/types.generated.ts';
import { messageOf } from '../../../base/errors.ts';
import { apiError } from '../status.ts';

/** Where a pod's kubelet answers. */
export interface KubeletAddress {
  readonly host: string;
  readonly port: number;
}

/** The API server's client certificate towards kubelets. */
export interface KubeletTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function kubeletOf(node: Node): KubeletAddress {
  const host = node.status?.addresses?.find((address) => address.type === 'InternalIP')?.address;
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port;
  if (host === undefined || port === undefined)
    throw apiError('ServiceUnavailable', `node ${node.metadata.name} has not told its address yet`);
  return { host, port };
}

/** The node that a pod is on; an unscheduled pod has no logs and takes no exec. */
export function nodeNameOf(pod: Pod): string {
  const name = pod.spec?.nodeName;
  if (!name) throw apiError('BadRequest', `pod ${pod.metadata.name} does not have a host assigned`);
  return name;
}

/** The container that is meant: the named one, the only one, or the default that an annotation names. */
export function containerOf(pod: Pod, asked: string | undefined): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...containers, ...initContainers, ...ephemeralContainers].map((container) => container.name);
  const { namespace, name } = pod.metadata;
  if (asked) {
    if (all.includes(asked)) return asked;
    throw apiError('BadRequest', `container ${asked} is not valid for pod ${name}`);
  }
  const preset = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preset && all.includes(preset)) return preset;
  const [only] = containers;
  if (containers.length === 1 && only) return only.name;
  const choices = containers.map((container) => container.name).join(' ');
  throw apiError('BadRequest', `a container name must be specified for pod ${name}, choose one of: [${choices}]`, {
    name,
    kind: `pods ${namespace ?? ''}`.trim(),
  });
}

/** A plain GET at the kubelet; the answer is passed on as a stream. */
export async function kubeletGet(address: KubeletAddress, path: string, tls: KubeletTls, signal: AbortSignal): Promise<IncomingMessage> {
  const outgoing = request({ ...address, path, ...tls, agent: false, signal });
  outgoing.end();
  try {
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    outgoing.on('error', () => undefined);
    return answer;
  } catch (error) {
    throw unreachable(address, error);
  }
}

function unreachable(address: KubeletAddress, error: unknown): Error {
  return apiError('InternalError', `error dialing backend: dial tcp ${address.host}:${address.port}: ${messageOf(error)}`);
}
