import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { newUid } from '../../../base/ids.ts';
import { pods, secrets, serviceAccounts, nodes, type Kind } from '../../../api/kubernetes/kinds.ts';
import type { Store } from '../../../store/store.ts';
import { isObject, objectOf, textOf, type JsonObject } from '../json.ts';
import { objectAt } from '../registry/codec.ts';
import { keyOf } from '../registry/keys.ts';
import type { Body } from '../strategies/strategy.ts';
import type { User } from './user.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';

export interface TokenRequest {
  readonly account: Body;
  readonly audiences: readonly string[];
  readonly seconds: number;
  /** The pod, secret or node with which the token ends. */
  readonly bound?: Body;
}

export interface IssuedToken {
  readonly token: string;
  readonly expires: Date;
}

/** Signed tokens of service accounts: who, for whom, until when, and with which pod they end. */
export class ServiceAccountTokens {
  readonly #store: Store;
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  /** For whom a token is when its request does not say. */
  readonly defaultAudiences: readonly string[] = [issuer];
  #id: Promise<string> | undefined;

  constructor(store: Store, signingKey: string) {
    this.#store = store;
    this.#private = createPrivateKey(signingKey);
    this.#public = createPublicKey(this.#private);
  }

  async issue({ account, audiences, seconds, bound }: TokenRequest): Promise<IssuedToken> {
    const { namespace = '', name = '', uid = '' } = account.metadata;
    const now = Math.floor(Date.now() / 1000);
    const reference = bound && { [bound.kind.toLowerCase()]: { name: bound.metadata.name, uid: bound.metadata.uid } };
    const nodeName = bound?.kind === 'Pod' ? textOf(bound.spec?.['nodeName']) : '';
    const node = nodeName ? this.#find(nodes, undefined, nodeName) : undefined;
    const claims = {
      'kubernetes.io': {
        namespace,
        serviceaccount: { name, uid },
        ...reference,
        ...(nodeName && { node: { name: nodeName, ...(node && { uid: node.metadata.uid }) } }),
      },
    };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: await this.#keyId() })
      .setIssuer(issuer)
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setAudience(audiences.length > 0 ? [...audiences] : [issuer])
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + seconds)
      .setJti(newUid())
      .sign(this.#private);
    return { token, expires: new Date((now + seconds) * 1000) };
  }

  /** Who the token says it is, and for whom it is; throws when it is not ours, over, or its account or pod is gone. */
  async verify(
    token: string,
    audiences: readonly string[] = [issuer],
  ): Promise<{ readonly user: User; readonly audiences: readonly string[] }> {
    const { payload } = await jwtVerify(token, this.#public, { issuer, audience: [...audiences], algorithms: ['ES256'] });
    const meant = [payload.aud ?? []].flat().filter((one) => audiences.includes(one));
    return { user: this.#userOf(payload), audiences: meant };
  }

  /** Whether the token claims to be one of ours; only a signature proves it. */
  claims(token: string): boolean {
    const [, body = ''] = token.split('.');
    try {
      const payload: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
      return isObject(payload) && payload['iss'] === issuer;
    } catch {
      return false;
    }
  }

  async jwks(): Promise<object> {
    const key = await exportJWK(this.#public);
    return { keys: [{ use: 'sig', kid: await this.#keyId(), alg: 'ES256', ...key }] };
  }

  #keyId(): Promise<string> {
    this.#id ??= exportJWK(this.#public).then((key) => calculateJwkThumbprint(key));
    return this.#id;
  }

  #userOf(payload: JWTPayload): User {
    const claims = objectOf(payload['kubernetes.io']);
    const namespace = textOf(claims['namespace']);
    const account = objectOf(claims['serviceaccount']);
    this.#assertThere(serviceAccounts, namespace, account);
    const pod = claims['pod'] === undefined ? undefined : objectOf(claims['pod']);
    if (pod) this.#assertThere(pods, namespace, pod);
    if (claims['secret'] !== undefined) this.#assertThere(secrets, namespace, objectOf(claims['secret']));
    const node = claims['node'] === undefined ? undefined : objectOf(claims['node']);
    const extra = {
      ...(payload.jti && { 'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti}`] }),
      ...(node && { 'authentication.kubernetes.io/node-name': [textOf(node['name'])] }),
      ...(node?.['uid'] !== undefined && { 'authentication.kubernetes.io/node-uid': [textOf(node['uid'])] }),
      ...(pod && {
        'authentication.kubernetes.io/pod-name': [textOf(pod['name'])],
        'authentication.kubernetes.io/pod-uid': [textOf(pod['uid'])],
      }),
    };
    return {
      name: `system:serviceaccount:${namespace}:${textOf(account['name'])}`,
      uid: textOf(account['uid']),
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      extra,
    };
  }

  #assertThere(kind: Kind, namespace: string, named: JsonObject): void {
    const found = this.#find(kind, namespace, textOf(named['name']));
    if (!found || found.metadata.uid !== named['uid']) throw new Error(`${kind.kind} ${namespace}/${textOf(named['name'])} is gone`);
  }

  #find(kind: Kind, namespace: string | undefined, name: string): Body | undefined {
    const entry = this.#store.get(keyOf(kind, namespace, name));
    return entry && objectAt(entry);
  }
}
