/**
 * Where the store's keys are in etcd.  { own: '/registry', etcd: '/cluster-a' }:  `/registry/pods/x` ↔ `/cluster-a/pods/x`
 */
export interface KeyPlace {
  readonly own: string;
  readonly etcd: string;
}

export function toEtcd(place: KeyPlace, key: string): string {
  return place.etcd + key.slice(place.own.length);
}

/** Undefined for a key that is not the store's. */
export function fromEtcd(place: KeyPlace, key: string): string | undefined {
  return key.startsWith(`${place.etcd}/`) ? place.own + key.slice(place.etcd.length) : undefined;
}

/** The range of the store's keys: `0` follows `/`. */
export function etcdRange(place: KeyPlace): { readonly key: string; readonly end: string } {
  return { key: `${place.etcd}/`, end: `${place.etcd}0` };
}
