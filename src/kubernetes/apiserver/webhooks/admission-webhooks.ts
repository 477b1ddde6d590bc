import jsonPatch from 'fast-json-patch';
import { mutatingWebhookConfigurations, validatingWebhookConfigurations, type Kind } from '../../../api/kubernetes/kinds.ts';
import type { MutatingWebhook } from '../../../api/kubernetes/types.generated.ts';
import { messageOf } from '../../../base/errors.ts';
import { newUid } from '../../../base/ids.ts';
import { compile, policyVariables } from '../cel/environment.ts';
import { arrayOf, at, equal, numberOf, objectsOf, textOf } from '../json.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { objectAt } from '../registry/codec.ts';
import { decodeBody } from '../registry/decode-body.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import { apiError, denied } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { isExempt, ruleMatches, selectorsMatch } from './matching.ts';
import { expressionFacts, requestFacts } from './request-facts.ts';
import { callWebhook, type WebhookTarget } from './webhook-client.ts';

/** Mutating and validating ones alike: the mutating have one field more. */
type Webhook = MutatingWebhook;

/** Every webhook that is about the request, by the name of its configuration. */
function webhooksFor(kind: Kind, request: AdmissionRequest, registry: Registry): readonly Webhook[] {
  if (isExempt(request)) return [];
  const configurations = registry.store.range(prefixOf(kind)).entries.map(objectAt);
  return configurations
    .flatMap((one) => objectsOf(one['webhooks']) as unknown as readonly Webhook[])
    .filter(({ rules = [] }) => rules.some((rule) => ruleMatches(rule, request)))
    .filter((webhook) => selectorsMatch(webhook, request, registry))
    .filter((webhook) => conditionsHold(webhook, request, registry));
}

/** Any condition that is false leaves the webhook out; one that fails counts as the failure policy says. */
function conditionsHold({ name, matchConditions = [], failurePolicy }: Webhook, request: AdmissionRequest, registry: Registry): boolean {
  if (matchConditions.length === 0) return true;
  const facts = expressionFacts(request, registry);
  let failure: string | undefined;
  for (const { expression } of matchConditions) {
    try {
      if (compile(expression, policyVariables)(facts) !== true) return false;
    } catch (error) {
      failure ??= messageOf(error);
    }
  }
  if (failure === undefined) return true;
  if (failurePolicy === 'Ignore') return false;
  throw apiError('Forbidden', `admission webhook "${name}" denied the request: match conditions failed: ${failure}`);
}

interface Verdict {
  readonly object: Body;
}

/** Asks one webhook; its refusal is thrown, its failure too unless it is to be ignored. */
async function ask(webhook: Webhook, request: AdmissionRequest, registry: Registry): Promise<Verdict> {
  const { name, clientConfig, failurePolicy = 'Fail', timeoutSeconds = 10, admissionReviewVersions } = webhook;
  const version = admissionReviewVersions.find((one) => one === 'v1' || one === 'v1beta1') ?? 'v1';
  const uid = newUid();
  const { operation, object, before } = request;
  const isDelete = operation === 'DELETE';
  const facts = { uid, ...requestFacts(request), object: isDelete ? null : object, oldObject: isDelete ? object : (before ?? null) };
  const review = { apiVersion: `admission.k8s.io/${version}`, kind: 'AdmissionReview', request: facts };
  let answer: unknown;
  try {
    answer = await callWebhook(registry.store, clientConfig as WebhookTarget, review, AbortSignal.timeout(timeoutSeconds * 1000));
    if (at(answer, 'response', 'uid') !== uid) throw new Error('expected response.uid of the request, got another');
  } catch (error) {
    if (failurePolicy === 'Ignore') return { object };
    const why = messageOf(error);
    const reason = /aborted|timeout/i.test(why) ? 'context deadline exceeded' : why;
    throw apiError('InternalError', `Internal error occurred: failed calling webhook "${name}": failed to call webhook: ${reason}`);
  }
  for (const warning of arrayOf(at(answer, 'response', 'warnings'))) request.warn(textOf(warning));
  if (at(answer, 'response', 'allowed') !== true) throw refusal(name, at(answer, 'response', 'status'));
  const patch = textOf(at(answer, 'response', 'patch'));
  return { object: patch && !isDelete ? withPatch(name, request, patch) : object };
}

function refusal(name: string, status: unknown): Error {
  const message = textOf(at(status, 'message')) || textOf(at(status, 'reason'));
  const text = message
    ? `admission webhook "${name}" denied the request: ${message}`
    : `admission webhook "${name}" denied the request without explanation`;
  return denied(text, textOf(at(status, 'reason')), numberOf(at(status, 'code')));
}

function withPatch(name: string, { resource, object }: AdmissionRequest, patch: string): Body {
  try {
    const operations = JSON.parse(Buffer.from(patch, 'base64').toString('utf8')) as jsonPatch.Operation[];
    const { newDocument } = jsonPatch.applyPatch(structuredClone(object) as object, operations, true);
    return decodeBody(resource, newDocument, 'Ignore').object;
  } catch (error) {
    throw apiError(
      'InternalError',
      `Internal error occurred: webhook "${name}": the patch could not be applied: ${messageOf(error).split('\n')[0]}`,
    );
  }
}

/**
 * Mutating webhooks, one after the other. One that wants to (`reinvocationPolicy: IfNeeded`) is asked a second time when
 * another one changed the object after it had seen it.
 */
export async function mutateByWebhooks(request: AdmissionRequest, registry: Registry): Promise<Body> {
  let { object } = request;
  const seen = new Map<string, Body>();
  for (const round of [1, 2]) {
    for (const webhook of webhooksFor(mutatingWebhookConfigurations, { ...request, object }, registry)) {
      const known = seen.get(webhook.name);
      const isDue = round === 1 || (webhook.reinvocationPolicy === 'IfNeeded' && known !== undefined && !equal(known, object));
      if (!isDue) continue;
      ({ object } = await ask(webhook, { ...request, object }, registry));
      seen.set(webhook.name, object);
    }
  }
  return object;
}

/** Validating webhooks, all at once. */
export async function validateByWebhooks(request: AdmissionRequest, registry: Registry): Promise<void> {
  await Promise.all(webhooksFor(validatingWebhookConfigurations, request, registry).map((webhook) => ask(webhook, request, registry)));
}
