import { KindError, messageOf } from '../../base/errors.ts';
import { addressOf } from '../network/cidr.ts';
import { networksOf } from './plan-container.ts';
import type { ContainerRecord } from './record.ts';
import type { Registry } from './registry.ts';

/** `--link db:store` on the default bridge, which has no name service: a line of the hosts file and variables. */
export interface Link {
  readonly alias: string;
  readonly other: ContainerRecord;
  readonly address: string;
}

/** `db:store`, `db`, and `/db:/user/store` as inspect shows it. */
export function parseLink(text: string): { readonly target: string; readonly alias: string } {
  const [given = '', as = given] = text.split(':');
  const lastPart = (path: string): string => path.split('/').at(-1) ?? '';
  return { target: given.replace(/^\//, ''), alias: as.startsWith('/') ? lastPart(as) : as.replace(/^\//, '') };
}

function wishes({ spec }: Pick<ContainerRecord, 'spec'>): readonly string[] {
  return networksOf(spec).includes('bridge') ? (spec.endpoints?.['bridge']?.links ?? []) : [];
}

/** Those whose other end runs. */
export function runningLinks(registry: Registry, record: ContainerRecord): readonly Link[] {
  return wishes(record).flatMap((text) => {
    const { target, alias } = parseLink(text);
    const other = registry.named(target);
    const address = other?.endpoints.find(({ networkName }) => networkName === 'bridge')?.ipv4;
    return other && address ? [{ alias, other, address: addressOf(address) }] : [];
  });
}

/** Refuses a container with a link to one that is not there. */
export function findLinked(registry: Registry, spec: ContainerRecord['spec']): void {
  for (const text of wishes({ spec })) {
    const { target } = parseLink(text);
    try {
      registry.find(target);
    } catch (error) {
      throw new KindError('invalid', `could not get container for ${target}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Refuses to start a container before those that it is linked to, as dockerd does. */
export function checkLinks(registry: Registry, record: ContainerRecord): void {
  for (const text of wishes(record)) {
    const { target, alias } = parseLink(text);
    const other = registry.find(target);
    if (other.pid === undefined)
      throw new KindError('internal', `Cannot link to a non running container: /${other.name} AS /${record.name}/${alias}`);
  }
}

/** `172.17.0.2	store 1f2e3d db` */
export function linkLine({ alias, other, address }: Link): string {
  return `${address}\t${[...new Set([alias, other.hostname, other.name])].join(' ')}`;
}

/** Running containers whose hosts file names this one. */
export function linkedBy(registry: Registry, { id, name }: Pick<ContainerRecord, 'id' | 'name'>): readonly ContainerRecord[] {
  const isThis = (target: string): boolean => target === name || target === id;
  return registry.all().filter((each) => each.pid !== undefined && wishes(each).some((text) => isThis(parseLink(text).target)));
}
