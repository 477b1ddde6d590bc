import type { EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { localReady } from './backends.ts';
import { HealthChecks, type HealthCheck } from './health-checks.ts';
import { keepAddresses } from './host-addresses.ts';
import { balancerAddresses } from './service-port.ts';

/** What Services need of a host besides the table: balancers' addresses and health check ports. Most need nothing. */
export class HostShare implements AsyncDisposable {
  readonly #options: {
    readonly kernel: Pick<Kernel, 'links'>;
    readonly nodeName: string;
    readonly bridgeName: string;
    readonly otherAddresses: readonly string[];
  };
  readonly #health: HealthChecks;
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #checks = new Map<string, HealthCheck>();
  #kept = '';

  constructor(options: {
    readonly kernel: Pick<Kernel, 'links'>;
    readonly nodeName: string;
    readonly bridgeName: string;
    readonly otherAddresses: readonly string[];
    readonly log: Log;
  }) {
    this.#options = options;
    this.#health = new HealthChecks(options.log);
  }

  put(key: string, service: Service | undefined, slices: readonly EndpointSlice[]): void {
    const addresses = service ? balancerAddresses(service) : [];
    if (addresses.length > 0) this.#addresses.set(key, addresses);
    else this.#addresses.delete(key);
    const check = service && healthCheckOf(service, slices, this.#options.nodeName);
    if (check) this.#checks.set(key, check);
    else this.#checks.delete(key);
  }

  /** `look`: also when nothing changed here, since somebody may have changed the host. */
  async write(why: 'changed' | 'look'): Promise<void> {
    const { kernel, bridgeName, otherAddresses } = this.#options;
    const wanted = [...this.#addresses.values()].flat();
    if (why === 'look' || wanted.join(' ') !== this.#kept) keepAddresses(kernel.links, bridgeName, wanted, otherAddresses);
    this.#kept = wanted.join(' ');
    await this.#health.set([...this.#checks.values()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#health[Symbol.asyncDispose]();
  }
}

function healthCheckOf(service: Service, slices: readonly EndpointSlice[], nodeName: string): HealthCheck | undefined {
  const { healthCheckNodePort, type, externalTrafficPolicy } = service.spec ?? {};
  if (!healthCheckNodePort || type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local') return undefined;
  const { namespace = '', name = '' } = service.metadata;
  return { port: healthCheckNodePort, namespace, name, localEndpoints: localReady(slices, nodeName) };
}
