import type { CustomResourceDefinition } from '../../../api/kubernetes/types.generated.ts';
import { messageOf } from '../../../base/errors.ts';
import { newUid } from '../../../base/ids.ts';
import type { Store } from '../../../store/store.ts';
import { at, objectsOf, textOf } from '../json.ts';
import type { Conversion } from '../registry/conversion.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { callWebhook, type WebhookTarget } from '../webhooks/webhook-client.ts';

const limitMs = 30_000;

/** Between the stored version of a custom resource and another: its webhook's work, or a new name on the same content. */
export function conversionOf(store: Store, definition: CustomResourceDefinition, version: string, storage: string): Conversion | undefined {
  const { group, versions, conversion } = definition.spec;
  if (versions.length === 1) return undefined;
  const own = `${group}/${version}`;
  const convert = async (objects: readonly Body[], wanted: string): Promise<readonly Body[]> => {
    const other = objects.filter((one) => one.apiVersion !== wanted);
    if (other.length === 0) return objects;
    if (conversion?.strategy !== 'Webhook') return objects.map((one) => (one.apiVersion === wanted ? one : { ...one, apiVersion: wanted }));
    const made = await askWebhook(store, definition, other, wanted);
    const byUid = new Map(other.map((one, index) => [one, made[index] as Body]));
    return objects.map((one) => byUid.get(one) ?? one);
  };
  return {
    fromStorage: (objects) => convert(objects, own),
    toStorage: async (object) => (await convert([object], `${group}/${storage}`))[0] as Body,
  };
}

async function askWebhook(
  store: Store,
  { spec, metadata }: CustomResourceDefinition,
  objects: readonly Body[],
  desiredAPIVersion: string,
): Promise<readonly Body[]> {
  const { clientConfig, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {};
  const version = conversionReviewVersions.find((one) => one === 'v1' || one === 'v1beta1') ?? 'v1';
  const uid = newUid();
  const review = {
    apiVersion: `apiextensions.k8s.io/${version}`,
    kind: 'ConversionReview',
    request: { uid, desiredAPIVersion, objects },
  };
  const failed = (why: string): Error => {
    const from = `${objects[0]?.apiVersion}, Kind=${spec.names.kind}`;
    return apiError('InternalError', `conversion webhook for ${from} failed: ${why}`);
  };
  let answer: unknown;
  try {
    answer = await callWebhook(store, (clientConfig ?? {}) as WebhookTarget, review, AbortSignal.timeout(limitMs));
  } catch (error) {
    throw failed(messageOf(error));
  }
  if (at(answer, 'response', 'uid') !== uid) throw failed('the answer is to another request');
  if (at(answer, 'response', 'result', 'status') !== 'Success') {
    throw failed(textOf(at(answer, 'response', 'result', 'message')) || 'the webhook did not succeed');
  }
  const made = objectsOf(at(answer, 'response', 'convertedObjects')) as unknown as readonly Body[];
  if (made.length !== objects.length) throw failed(`expected ${objects.length} objects, got ${made.length} (${metadata.name})`);
  return made.map((one, index) => keepIdentity(one, objects[index] as Body, desiredAPIVersion));
}

/** A webhook may change labels and annotations of an object, but not which object it is. */
function keepIdentity(made: Body, before: Body, apiVersion: string): Body {
  const { labels, annotations } = made.metadata;
  return {
    ...made,
    apiVersion,
    kind: before.kind,
    metadata: { ...before.metadata, ...(labels && { labels }), ...(annotations && { annotations }) },
  };
}
