import { nodes, pods, secrets, type Kind } from '../../../api/kubernetes/kinds.ts';
import { nodeNameOf } from '../access/node-authorizer.ts';
import type { ServiceAccountTokens } from '../access/service-account-tokens.ts';
import { arrayOf, numberOf, objectOf, textOf } from '../json.ts';
import { timestamp } from '../timestamp.ts';
import { resourceOf } from '../resources.ts';
import { apiError, conflict, forbidden, invalid } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import * as strategy from '../strategies/strategy.ts';
import { readObject, sendJson } from './exchange.ts';
import { pathNotFound } from './general.ts';
import { placeOf, type ResourceRequest } from './resource-requests.ts';

const subject = { group: 'authentication.k8s.io', resource: 'tokenrequests', kind: 'TokenRequest' };
const boundKinds: Readonly<Record<string, Kind>> = { Pod: pods, Secret: secrets, Node: nodes };
const leastSeconds = 600;

/** `POST serviceaccounts/<name>/token`: a token that says who, for whom and until when. */
export async function serveTokenRequest(request: ResourceRequest, tokens: ServiceAccountTokens): Promise<void> {
  const { exchange, registry, resource, target } = request;
  if (exchange.method !== 'POST') throw pathNotFound();
  const account = await registry.get(resource, placeOf(target));
  const body = objectOf(await readObject(exchange));
  const spec = objectOf(body['spec']);
  const seconds = spec['expirationSeconds'] === undefined ? 3600 : numberOf(spec['expirationSeconds']);
  if (seconds < leastSeconds || seconds > 2 ** 32) {
    const why =
      seconds < leastSeconds ? 'may not specify a duration less than 10 minutes' : 'may not specify a duration larger than 2^32 seconds';
    throw invalid(subject, '', [strategy.invalid('spec.expirationSeconds', seconds, why)]);
  }
  await checkNode(request, objectOf(spec['boundObjectRef']));
  const bound = spec['boundObjectRef'] === undefined ? undefined : await boundObject(request, objectOf(spec['boundObjectRef']));
  const audiences = arrayOf(spec['audiences']).map(textOf);
  const { token, expires } = await tokens.issue({ account, audiences, seconds, bound });
  const answered = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: account.metadata.name, namespace: account.metadata.namespace, creationTimestamp: timestamp(new Date()) },
    spec: {
      audiences: audiences.length > 0 ? audiences : tokens.defaultAudiences,
      expirationSeconds: seconds,
      boundObjectRef: spec['boundObjectRef'] ?? null,
    },
    status: { token, expirationTimestamp: timestamp(expires) },
  };
  sendJson(exchange, 201, JSON.stringify(answered));
}

/** A node gets tokens for its own pods alone, each bound to one of them (NodeRestriction). */
async function checkNode(
  { user, registry, resource, target }: ResourceRequest,
  reference: Readonly<Record<string, unknown>>,
): Promise<void> {
  const node = nodeNameOf(user);
  if (node === undefined) return;
  const refuse = (why: string): Error => forbidden(resource, target.name ?? '', why);
  const [kind, name, uid] = [textOf(reference['kind']), textOf(reference['name']), textOf(reference['uid'])];
  if (kind !== 'Pod' || name === '') throw refuse('node requested token not bound to a pod');
  if (uid === '') throw refuse('node requested token with a pod binding without a uid');
  const pod = await registry.get(resourceOf(pods), { name, namespace: target.namespace });
  if (objectOf(pod.spec)['nodeName'] !== node) throw refuse('node requested token bound to a pod scheduled on a different node');
}

async function boundObject({ registry, target }: ResourceRequest, reference: Readonly<Record<string, unknown>>): Promise<Body> {
  const [kindName, name, uid] = [textOf(reference['kind']), textOf(reference['name']), textOf(reference['uid'])];
  const kind = boundKinds[kindName];
  if (!kind) throw apiError('BadRequest', `cannot bind token for serviceaccount "${target.name}" to object of kind "${kindName}"`);
  const resource = resourceOf(kind);
  const found = await registry.get(resource, { name, ...(kind.namespaced && { namespace: target.namespace }) });
  if (!uid || found.metadata.uid === uid) return found;
  throw conflict(
    resource,
    name,
    `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
  );
}
