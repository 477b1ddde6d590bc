import { certificateSigningRequests } from '../../../api/kubernetes/kinds.ts';
import type { CertificateSigningRequest } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import { timestamp } from '../timestamp.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';

/** What the cluster's authority is asked to certify. */
export interface SigningOrder {
  /** PEM of a PKCS #10 request. */
  readonly request: string;
  /** `client auth`, `server auth` */
  readonly usages: readonly string[];
  readonly seconds: number;
}

/** Signs with the cluster's authority; the certificate as PEM. */
export type Signer = (order: SigningOrder) => Promise<string>;

const signers = new Set([
  'kubernetes.io/kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet',
  'kubernetes.io/kubelet-serving',
]);
const year = 365 * 24 * 3600;

/** Gives approved requests to the cluster's own signers their certificate, until the signal aborts. */
export async function keepSigning(registry: Registry, sign: Signer, signal: AbortSignal): Promise<void> {
  const prefix = prefixOf(certificateSigningRequests);
  const after = registry.store.revision;
  for (const entry of registry.store.range(prefix).entries) await settle(registry, sign, objectAt(entry));
  for await (const changes of registry.store.watch(prefix, { after }, signal)) {
    for (const { type, entry } of changes) if (type === 'put') await settle(registry, sign, objectAt(entry));
  }
}

async function settle(registry: Registry, sign: Signer, body: Body): Promise<void> {
  const { spec, status, metadata } = body as unknown as CertificateSigningRequest;
  const types = (status?.conditions ?? []).map((one) => one.type);
  const isDue = types.includes('Approved') && !types.includes('Denied') && !types.includes('Failed') && !status?.certificate;
  if (!isDue || !signers.has(spec.signerName)) return;
  const outcome = await certified(sign, spec).catch((error: unknown) => ({ failure: messageOf(error) }));
  const now = timestamp(new Date());
  const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', lastUpdateTime: now, lastTransitionTime: now };
  await registry
    .replace(resourceOf(certificateSigningRequests), { name: metadata.name ?? '' }, (current) => ({
      ...current,
      status:
        'failure' in outcome
          ? { ...current.status, conditions: [...(status?.conditions ?? []), { ...failed, message: outcome.failure }] }
          : { ...current.status, certificate: Buffer.from(outcome.certificate).toString('base64') },
    }))
    .catch((error: unknown) => {
      if (!isKind(error, 'notFound')) throw error;
    });
}

async function certified(sign: Signer, spec: CertificateSigningRequest['spec']): Promise<{ readonly certificate: string }> {
  const request = Buffer.from(String(spec.request), 'base64').toString('utf8');
  const seconds = Math.min(Math.max(spec.expirationSeconds ?? year, 600), year);
  return { certificate: await sign({ request, usages: spec.usages ?? [], seconds }) };
}
