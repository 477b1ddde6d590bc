import { ingressController } from '../../../api/kubernetes/ingress-class.ts';
import { ingressClasses, ingresses, nodes } from '../../../api/kubernetes/kinds.ts';
import type { Ingress, Node } from '../../../api/kubernetes/types.generated.ts';
import type { ObjectKey } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

/** Writes into an Ingress of davit's own class where it is served: every node has a gateway. `all` names every Ingress. */
export function ingressAddressController(all: () => readonly ObjectKey[]): Reconciler {
  return {
    name: 'ingress-address-controller',
    triggers: [
      { kind: ingresses, keysOf: ownKey },
      { kind: ingressClasses, keysOf: all },
      { kind: nodes, keysOf: all },
    ],
    async reconcile({ client, record }, key) {
      const ingress = await getIfExists(client, ingresses, key);
      if (!ingress || ingress.metadata.deletionTimestamp) return undefined;
      const className = ingress.spec?.ingressClassName;
      const ingressClass = className === undefined ? undefined : await getIfExists(client, ingressClasses, { name: className });
      if (ingressClass?.spec?.controller !== ingressController) return undefined;
      const { items } = await client.list(nodes);
      const wanted = items.flatMap(addressOf).toSorted();
      const present = (ingress.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
      if (isEqual(present, wanted)) return undefined;
      await client.update(ingresses, withAddresses(ingress, wanted), 'status');
      record(ingress, 'Normal', 'Sync', 'Scheduled for sync');
      return undefined;
    },
  };
}

function addressOf({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}

function withAddresses(ingress: Ingress, addresses: readonly string[]): Ingress {
  const loadBalancer = addresses.length > 0 ? { ingress: addresses.map((ip) => ({ ip })) } : {};
  return { ...ingress, status: { loadBalancer } };
}
