import { type Config, pathsOf } from './config.ts';
import { createAuthority, issueCertificate, type KeyPair, keyPairAt, signRequest, writePrivate } from './pki.ts';

/** Every certificate of a one-machine cluster, made on the first start and kept. */
export interface Credentials {
  readonly ca: string;
  readonly server: KeyPair;
  /** The API server's own client certificate towards kubelets. */
  readonly kubeletClient: KeyPair;
  /** With which the API server asks servers behind it in a user's name, and the authority that they know it by. */
  readonly frontProxy: KeyPair & { readonly ca: string };
  readonly node: KeyPair;
  readonly admin: KeyPair;
  /** PEM of the key that signs service accounts' tokens. */
  readonly tokenKey: string;
  /** Certifies what a certificate signing request asks for. */
  sign(order: Parameters<typeof signRequest>[1]): Promise<string>;
}

export async function loadCredentials(config: Config): Promise<Credentials> {
  const { pki, kubeconfig } = pathsOf(config);
  const [authority, proxyAuthority] = await Promise.all([
    keyPairAt(pki, 'ca', () => createAuthority('davit')),
    keyPairAt(pki, 'front-proxy-ca', () => createAuthority('front-proxy-ca')),
  ]);
  const issue = (name: string, commonName: string, organization?: string, hosts?: readonly string[]): Promise<KeyPair> =>
    keyPairAt(pki, name, () => issueCertificate(authority, { commonName, organization, hosts }));
  const apiIp = config.serviceCidr.replace(/\.\d+\/\d+$/, '.1');
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${config.clusterDomain}`];
  const local = ['localhost', '127.0.0.1', config.nodeName, config.nodeIp];
  const [server, kubeletClient, node, admin, accounts, proxy] = await Promise.all([
    issue(`apiserver-${config.nodeIp}`, 'kube-apiserver', undefined, [...local, ...names, apiIp]),
    issue('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', 'system:masters'),
    issue(`node-${config.nodeName}-${config.nodeIp}`, `system:node:${config.nodeName}`, 'system:nodes', local),
    issue('admin', 'kubernetes-admin', 'system:masters'),
    keyPairAt(pki, 'service-accounts', () => createAuthority('service-accounts')),
    keyPairAt(pki, 'front-proxy-client', () => issueCertificate(proxyAuthority, { commonName: 'front-proxy-client' })),
  ]);
  writePrivate(kubeconfig, renderKubeconfig(config, authority.cert, admin));
  return {
    ca: authority.cert,
    server,
    kubeletClient,
    frontProxy: { ca: proxyAuthority.cert, ...proxy },
    node,
    admin,
    tokenKey: accounts.key,
    sign: (order) => signRequest(authority, order),
  };
}

/** A kubeconfig with everything inside, as `kind` and `kubeadm` write it. JSON is YAML. */
function renderKubeconfig(config: Config, ca: string, admin: KeyPair): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'davit',
    clusters: [{ name: 'davit', cluster: { server: `https://127.0.0.1:${config.apiPort}`, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'davit-admin', user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) } }],
    contexts: [{ name: 'davit', context: { cluster: 'davit', user: 'davit-admin' } }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
