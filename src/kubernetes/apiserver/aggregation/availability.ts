import type { APIService, APIServiceCondition, EndpointSlice, Service } from '../../../api/kubernetes/types.generated.ts';
import { timestamp } from '../timestamp.ts';
import type { RemoteService } from './backend.ts';

export type Verdict = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>;

const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });

export const local: Verdict = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
export const passed: Verdict = { status: 'True', reason: 'Passed', message: 'all checks passed' };
export const failedCheck = (why: string): Verdict => no('FailedDiscoveryCheck', why);

/** What the cluster's own objects say against it; undefined when only asking the server itself can tell more. */
export function obstacle(
  { spec: { service: wanted } }: RemoteService,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): Verdict | undefined {
  const { name = '', namespace = '', port = 443 } = wanted;
  const [what, where] = [`service/${name}`, `in "${namespace}"`];
  if (!service) return no('ServiceNotFound', `${what} ${where} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const found = service.spec?.ports?.find((one) => one.port === port);
  if (!found) return no('ServicePortError', `${what} ${where} is not listening on port ${port}`);
  if (slices.length === 0) return no('EndpointsNotFound', `cannot find endpointslices for ${what} ${where}`);
  const portName = found.name ?? '';
  const isReached = slices.some(
    ({ endpoints, ports }) =>
      (endpoints ?? []).some((one) => one.conditions?.ready !== false) &&
      (ports ?? []).some((one) => (one.name ?? '') === portName && one.port !== undefined),
  );
  if (isReached) return undefined;
  return no('MissingEndpoints', `endpointslices for ${what} ${where} have no addresses with port name "${portName}"`);
}

export function isAvailable({ status }: APIService): boolean {
  return status?.conditions?.some((one) => one.type === 'Available' && one.status === 'True') === true;
}

/** The status with this verdict; the time changes only together with true and false. */
export function withVerdict({ status }: APIService, verdict: Verdict, now: Date): NonNullable<APIService['status']> {
  const before = status?.conditions?.find((one) => one.type === 'Available');
  const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : timestamp(now);
  const others = status?.conditions?.filter((one) => one.type !== 'Available') ?? [];
  return { ...status, conditions: [...others, { type: 'Available', ...verdict, lastTransitionTime }] };
}
