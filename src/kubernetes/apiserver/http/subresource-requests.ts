import { nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Node, Pod } from '../../../api/kubernetes/types.generated.ts';
import { at, isObject, objectOf, textOf } from '../json.ts';
import type { DeleteOptions } from '../registry/removal.ts';
import { resourceOf } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { bindPod } from '../subresources/binding.ts';
import { evictPod } from '../subresources/eviction.ts';
import { containerOf, kubeletGet, kubeletOf, nodeNameOf, type KubeletAddress, type KubeletTls } from '../subresources/kubelet.ts';
import { resizedBy } from '../subresources/resize.ts';
import { scaledBy, scaleOf } from '../subresources/scale.ts';
import { decodeBody } from '../registry/decode-body.ts';
import { patched } from '../registry/patch.ts';
import { readObject, sendJson, type Exchange } from './exchange.ts';
import { pathNotFound } from './general.ts';
import { passOn } from './pass-on.ts';
import { answer, isDryRun, placeOf, readPatch, serveResource, type ResourceRequest } from './resource-requests.ts';
import { approval, ephemeralContainers, servePart } from './partial-updates.ts';
import type { Routes } from './router.ts';
import type { Verb } from './target.ts';
import { serveTokenRequest } from './token-request.ts';

/** `pods/exec`, `deployments/scale`, `namespaces/finalize` … */
export async function serveSubresource(verb: Verb, request: ResourceRequest, routes: Routes): Promise<void> {
  const { resource, target } = request;
  const { kubeletTls: tls } = routes;
  const name = `${resource.resource}/${target.subresource}`;
  if (target.subresource === 'status' && resource.hasStatus && ['get', 'update', 'patch'].includes(verb))
    return serveResource(verb, request);
  if (target.subresource === 'scale' && resource.hasScale) return serveScale(verb, request);
  switch (name) {
    case 'pods/log':
      return serveLog(request, tls);
    case 'pods/binding':
      return serveBinding(request);
    case 'pods/eviction':
      return serveEviction(request);
    case 'pods/exec':
    case 'pods/attach':
    case 'pods/portforward':
      throw apiError('BadRequest', 'Upgrade request required');
    case 'serviceaccounts/token':
      return serveTokenRequest(request, routes.authenticator.tokens);
    case 'namespaces/finalize':
      return serveFinalize(request);
    case 'pods/resize':
      return serveResize(verb, request);
    case 'pods/ephemeralcontainers':
      return servePart(verb, request, 'ephemeralcontainers', ephemeralContainers);
    case 'certificatesigningrequests/approval':
      return servePart(verb, request, 'approval', approval);
    default:
      throw pathNotFound();
  }
}

async function serveScale(verb: Verb, { exchange, registry, resource, target }: ResourceRequest): Promise<void> {
  const place = placeOf(target);
  const send = (object: Body): void => sendJson(exchange, 200, JSON.stringify(scaleOf(object, resource)));
  if (verb === 'get') return send(await registry.get(resource, place));
  if (verb === 'update') {
    const scale = await readObject(exchange);
    return send(await registry.update(resource, place, (current) => scaledBy(current, scale, resource), { dryRun: isDryRun(exchange) }));
  }
  if (verb !== 'patch') throw pathNotFound();
  const { type, body } = await readPatch(exchange);
  const change = (current: Body): Body =>
    scaledBy(current, patched(resource, scaleOf(current, resource) as Body, type === 'json' ? 'json' : 'merge', body), resource);
  return send(await registry.update(resource, place, change, { dryRun: isDryRun(exchange) }));
}

async function serveResize(verb: Verb, { exchange, registry, resource, target }: ResourceRequest): Promise<void> {
  const place = placeOf(target);
  const options = { dryRun: isDryRun(exchange), subresource: 'resize' } as const;
  const send = (object: Body): void => sendJson(exchange, 200, JSON.stringify(object));
  if (verb === 'get') return send(await registry.get(resource, place));
  if (verb === 'update') {
    const wanted = decodeBody(resource, await readObject(exchange), 'Strict').object;
    return send(await registry.update(resource, place, (current) => resizedBy(current, wanted), options));
  }
  if (verb !== 'patch') throw pathNotFound();
  const { type, body } = await readPatch(exchange);
  const kind = type === 'apply' ? 'strategic' : type;
  const change = (current: Body): Body => resizedBy(current, decodeBody(resource, patched(resource, current, kind, body), 'Strict').object);
  send(await registry.update(resource, place, change, options));
}

async function serveBinding({ exchange, registry, resource, target }: ResourceRequest): Promise<void> {
  const node = textOf(at(await readObject(exchange), 'target', 'name'));
  if (!node) throw apiError('Invalid', `Binding "${target.name}" is invalid: target.name: Required value`);
  await bindPod(registry, resource, placeOf(target), node);
  sendSuccess(exchange, 201);
}

async function serveEviction({ exchange, registry, resource, target }: ResourceRequest): Promise<void> {
  const body = objectOf(await readObject(exchange));
  const options = isObject(body['deleteOptions']) ? (body['deleteOptions'] as DeleteOptions) : {};
  await evictPod(registry, resource, placeOf(target), isDryRun(exchange) ? { ...options, dryRun: ['All'] } : options);
  sendSuccess(exchange, 201);
}

/** The namespace controller's last word: takes its finalizer off. */
async function serveFinalize(request: ResourceRequest): Promise<void> {
  const finalizers = at(await readObject(request.exchange), 'spec', 'finalizers');
  const { registry, resource, target } = request;
  answer(
    request,
    200,
    await registry.replace(resource, placeOf(target), (current) => ({
      ...current,
      spec: { ...current.spec, finalizers: finalizers ?? [] },
    })),
  );
}

function sendSuccess(exchange: Exchange, code: number): void {
  sendJson(exchange, code, JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code }));
}

/** The kubelet of a pod's node. */
export async function kubeletFor({ registry }: Pick<ResourceRequest, 'registry'>, pod: Body): Promise<KubeletAddress> {
  const name = nodeNameOf(pod as unknown as Pod);
  return kubeletOf((await registry.get(resourceOf(nodes), { name })) as unknown as Node);
}

/** Where the kubelet answers a pod's exec, attach, port-forward or log. */
export function kubeletPath(pod: Body, subresource: string, query: URLSearchParams): string {
  const { namespace = '', name = '' } = pod.metadata;
  const { container, ...rest } = Object.fromEntries(query);
  if (subresource === 'portforward') return `/portForward/${namespace}/${name}?${query.toString()}`;
  const chosen = containerOf(pod as unknown as Pod, container);
  const repeated = new URLSearchParams([...query].filter(([key]) => key !== 'container' && (key === 'command' || key in rest)));
  const root = subresource === 'log' ? 'containerLogs' : subresource;
  return `/${root}/${namespace}/${name}/${chosen}?${repeated.toString()}`;
}

async function serveLog(request: ResourceRequest, tls: KubeletTls): Promise<void> {
  const { exchange, registry, target } = request;
  const pod = await registry.get(resourceOf(pods), placeOf(target));
  const path = kubeletPath(pod, 'log', exchange.query);
  const answered = await kubeletGet(await kubeletFor(request, pod), path, tls, exchange.signal);
  const code = answered.statusCode ?? 500;
  if (code >= 400) {
    const text = Buffer.concat(await answered.toArray())
      .toString('utf8')
      .trim();
    throw apiError(code === 404 ? 'NotFound' : code < 500 ? 'BadRequest' : 'InternalError', text || `the kubelet answered ${code}`);
  }
  await passOn(exchange, 200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' }, answered);
}
