import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KindError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EtcdOptions } from '../store/etcd/etcd-client.ts';
import type { Store } from '../store/store.ts';
import { type Config, pathsOf } from './config.ts';

/** The store of the API server: the embedded file, or etcd. The caller owns it. */
export async function openServerStore(config: Config, log: Log): Promise<Store> {
  if (config.store === 'etcd') {
    const { openEtcdStore } = await import('../store/etcd/etcd-store.ts');
    return openEtcdStore({ ...etcdOptions(config), place: { own: '/registry', etcd: config.etcdPrefix }, log });
  }
  const { openStore } = await import('../store/embedded.ts');
  const path = pathsOf(config).serverStore;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openStore({ path });
}

export function etcdOptions({ etcdEndpoints, etcdCafile, etcdCertfile, etcdKeyfile }: Config): EtcdOptions {
  const ca = pem('--etcd-cafile', etcdCafile);
  const cert = pem('--etcd-certfile', etcdCertfile);
  const key = pem('--etcd-keyfile', etcdKeyfile);
  return { endpoints: etcdEndpoints, tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } };
}

function pem(flag: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KindError('invalid', `${flag}: ${messageOf(error)}`, { cause: error });
  }
}
