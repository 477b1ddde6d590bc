import { services } from '../../../api/kubernetes/kinds.ts';
import type { LoadBalancerIngress, Service } from '../../../api/kubernetes/types.generated.ts';
import type { ObjectKey } from '../../client/client.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';
import { isInPool, pickAddress, type AddressPool } from './pool.ts';

/** A Service of another class is another controller's. */
const ownClass = 'davit.dev/host';

/**
 * Gives Services of type LoadBalancer an address of the pool, which the node's proxy puts on the host. One that has
 * an address keeps it. `waiting` names the Services to look at when one may have been set free.
 */
export function loadBalancerController(pool: AddressPool, waiting: () => readonly ObjectKey[]): Reconciler {
  return {
    name: 'service-lb-controller',
    triggers: [{ kind: services, keysOf: (service) => [...ownKey(service), ...waiting()] }],
    async reconcile({ client, record }, key) {
      const service = await getIfExists(client, services, key);
      if (!service || service.metadata.deletionTimestamp || (service.spec?.loadBalancerClass ?? ownClass) !== ownClass) return undefined;
      const present = service.status?.loadBalancer?.ingress ?? [];
      if (service.spec?.type !== 'LoadBalancer') {
        const foreign = present.filter(({ ip }) => ip === undefined || !isInPool(pool, ip));
        if (foreign.length < present.length) await client.update(services, withIngress(service, foreign), 'status');
        return undefined;
      }
      const { items } = await client.list(services);
      const others = items.filter(({ metadata }) => metadata.uid !== service.metadata.uid);
      const planned = planAddress(pool, service, others);
      if (planned === undefined) {
        record(
          service,
          'Warning',
          'SyncLoadBalancerFailed',
          `Error syncing load balancer: failed to ensure load balancer: ${whyNot(pool, service)}`,
        );
        return undefined;
      }
      if (isEqual(planned, present)) return undefined;
      await client.update(services, withIngress(service, planned), 'status');
      record(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
      return undefined;
    },
  };
}

/** Whether a Service waits for an address. */
export function isWaiting(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' && !service.status?.loadBalancer?.ingress?.length;
}

/** Pure. Undefined: there is none to give. */
export function planAddress(pool: AddressPool, service: Service, others: readonly Service[]): readonly LoadBalancerIngress[] | undefined {
  const wanted = service.spec?.loadBalancerIP || undefined;
  const [own] = addressesOf(service);
  const taken = new Set(others.flatMap(addressesOf));
  const keeps = own !== undefined && isInPool(pool, own) && !taken.has(own) && (wanted === undefined || wanted === own);
  const ip = keeps ? own : pickAddress(pool, taken, wanted);
  return ip === undefined ? undefined : [{ ip, ipMode: 'VIP' }];
}

function addressesOf(service: Service): readonly string[] {
  return (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
}

function whyNot(pool: AddressPool, service: Service): string {
  const wanted = service.spec?.loadBalancerIP;
  if (pool.ranges.length === 0) return 'no address pool is configured (davit up --load-balancer-pool 198.18.7.16/28)';
  if (!wanted) return `all addresses of the pool ${pool.text} are taken (davit up --load-balancer-pool)`;
  return isInPool(pool, wanted) ? `address ${wanted} is taken` : `address ${wanted} is not in the pool ${pool.text}`;
}

function withIngress(service: Service, ingress: readonly LoadBalancerIngress[]): Service {
  return { ...service, status: { ...service.status, loadBalancer: ingress.length > 0 ? { ingress } : {} } };
}
