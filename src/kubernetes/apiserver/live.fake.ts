import { silentLog } from '../../base/log.ts';
import { createAuthority, issueCertificate, signRequest, type KeyPair } from '../../daemon/pki.ts';
import { memoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { serveApi, type ApiServer, type ServeOptions } from './serve.ts';

/** A live API server on a store in memory, with certificates to reach it. */
export interface LiveServer extends AsyncDisposable {
  readonly api: ApiServer;
  readonly store: Store;
  readonly ca: string;
  readonly admin: KeyPair;
  issue(commonName: string, organization?: string, hosts?: readonly string[]): Promise<KeyPair>;
}

export async function liveServer(options: Partial<ServeOptions> = {}): Promise<LiveServer> {
  const authority = await createAuthority('test');
  const certificate = await issueCertificate(authority, { commonName: 'kube-apiserver', hosts: ['127.0.0.1', 'localhost'] });
  const issue: LiveServer['issue'] = (commonName, organization, hosts) => issueCertificate(authority, { commonName, organization, hosts });
  const admin = await issue('kubernetes-admin', 'system:masters');
  const tls = { ca: authority.cert, ...certificate };
  const proxyAuthority = await createAuthority('front-proxy');
  const frontProxy = { ca: proxyAuthority.cert, ...(await issueCertificate(proxyAuthority, { commonName: 'front-proxy-client' })) };
  // A store that is handed over becomes the server's own.
  const { store = memoryStore() } = options;
  const api = await serveApi({
    store,
    address: '127.0.0.1',
    port: 0,
    tls,
    tokenKey: (await createAuthority('service-accounts')).key,
    oidc: options.oidc,
    audit: options.audit,
    watchPatienceMs: options.watchPatienceMs,
    sign: (order) => signRequest(authority, order),
    kubeletTls: { ca: authority.cert, ...admin },
    frontProxy,
    serviceCidr: '10.96.0.0/16',
    log: silentLog,
  });
  return {
    api,
    store,
    ca: authority.cert,
    admin,
    issue,
    [Symbol.asyncDispose]: async () => {
      await api[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** A kubeconfig with everything inside. */
export function kubeconfigOf({ api, ca, admin }: LiveServer): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: api.url, 'certificate-authority-data': base64(ca) } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin', namespace: 'default' } }],
    users: [{ name: 'admin', user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) } }],
  });
}
