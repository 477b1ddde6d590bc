import type { Container, Pod, Secret } from '../../../api/kubernetes/types.generated.ts';
import { delayMs } from '../../../base/backoff.ts';
import { isKind, KindError, messageOf } from '../../../base/errors.ts';
import type { Image, Images } from '../../../engine/images/images.ts';
import { canonicalName, parseReference } from '../../../engine/images/reference.ts';
import type { Tasks } from '../tasks.ts';
import { ContainerWaits } from './container-waits.ts';
import { goDuration } from './crash-backoff.ts';
import { repositoryOf, type PullRecords } from './pull-records.ts';
import { credentialsFor, type PullCredentials } from './pull-secrets.ts';
import type { PodRecorder } from './recorder.ts';

interface PullFailure {
  readonly message: string;
  readonly failures: number;
  readonly retryAt: number;
  /** Whether the status has said ErrImagePull; from then on it says ImagePullBackOff. */
  readonly isTold: boolean;
}

export interface PodImagesOptions {
  readonly images: Pick<Images, 'get' | 'pull'>;
  readonly tasks: Tasks;
  readonly recorder: PodRecorder;
  readonly records: PullRecords;
  readonly now?: () => number;
}

/** One wish for an image: of which pod, for which of its containers, with what its secrets hold. */
export interface ImageWish {
  readonly pod: Pod;
  readonly container: Container;
  /** By name; undefined: there is no such secret. */
  readonly secrets: ReadonlyMap<string, Secret | undefined>;
  /** Called when a pull that was started for it has ended. */
  readonly wake: () => void;
}

const backoff = { initialMs: 10_000, maxMs: 300_000 };
const tellMs = 2000;

/**
 * Images for containers, by pull policy:
 *
 *   Never         what is here, or ErrImageNeverPull
 *   IfNotPresent  what is here, else pulled
 *   both          what a pod's secret was needed for counts as here for pods whose secrets would do as well
 *   Always        pulled; but an image that was built or imported here has no registry to come from and is used at once
 *
 * Pulls go on in the background; the container waits with ContainerCreating, ErrImagePull or ImagePullBackOff.
 */
export class PodImages {
  readonly #images: Pick<Images, 'get' | 'pull'>;
  readonly #tasks: Tasks;
  readonly #recorder: PodRecorder;
  readonly #records: PullRecords;
  readonly #now: () => number;
  readonly #failures = new Map<string, PullFailure>();
  /** Pulls that ended well and have not been used by the pod that asked for them. */
  readonly #fresh = new Set<string>();

  constructor({ images, tasks, recorder, records, now = Date.now }: PodImagesOptions) {
    this.#images = images;
    this.#records = records;
    this.#tasks = tasks;
    this.#recorder = recorder;
    this.#now = now;
  }

  /** The image, or throws ContainerWaits. */
  async resolve(wish: ImageWish): Promise<Image> {
    const { pod, container } = wish;
    const reference = container.image ?? '';
    const policy = container.imagePullPolicy ?? defaultPolicy(reference);
    const key = `${pod.metadata.uid}/${reference}`;
    const local = await this.#local(wish, reference);
    if (local && this.#fresh.delete(key)) return local;
    const isOpen = local !== undefined && this.#mayUse(local, wish, reference);
    if (isOpen && (policy !== 'Always' || local.digests.length === 0)) {
      const message = `Container image "${reference}" already present on machine and can be accessed by the pod`;
      this.#recorder.record(pod, 'Normal', 'Pulled', message, container);
      return local;
    }
    if (policy === 'Never') {
      const message = `Container image "${reference}" is not present with pull policy of Never`;
      this.#recorder.record(pod, 'Warning', 'ErrImageNeverPull', message, container);
      throw this.#waits(wish, 'ErrImageNeverPull', message, 60_000);
    }
    this.#heedFailure(wish, reference, key);
    this.#pull(wish, reference, key);
    throw new ContainerWaits('ContainerCreating', '');
  }

  /** Whether the pod could have pulled what is here. */
  #mayUse(image: Image, { pod, secrets }: ImageWish, reference: string): boolean {
    return this.#records.mayUse(image, repositoryOf(reference), credentialsFor(reference, present(pod, secrets)));
  }

  forget(uid: string): void {
    for (const key of [...this.#failures.keys(), ...this.#fresh]) {
      if (!key.startsWith(`${uid}/`)) continue;
      this.#failures.delete(key);
      this.#fresh.delete(key);
    }
  }

  /** Throws while the last failure is young: first told as what it is, then as a back-off. */
  #heedFailure(wish: ImageWish, reference: string, key: string): void {
    const failure = this.#failures.get(key);
    const leftMs = (failure?.retryAt ?? 0) - this.#now();
    if (!failure || leftMs <= 0) return;
    if (!failure.isTold) {
      this.#failures.set(key, { ...failure, isTold: true });
      throw this.#waits(wish, 'ErrImagePull', failure.message, Math.min(tellMs, leftMs));
    }
    const text = `Back-off pulling image "${reference}"`;
    this.#recorder.record(wish.pod, 'Normal', 'BackOff', text, wish.container);
    throw this.#waits(wish, 'ImagePullBackOff', `${text}: ErrImagePull: ${failure.message}`, leftMs);
  }

  #waits({ pod, container }: ImageWish, reason: string, message: string, retryAfterMs: number): ContainerWaits {
    this.#recorder.record(pod, 'Warning', 'Failed', `Error: ${reason}`, container);
    return new ContainerWaits(reason, message, retryAfterMs);
  }

  #pull(wish: ImageWish, reference: string, key: string): void {
    const { pod, container, wake } = wish;
    const work = async (): Promise<void> => {
      this.#recorder.record(pod, 'Normal', 'Pulling', `Pulling image "${reference}"`, container);
      const started = this.#now();
      try {
        const credentials = await this.#transfer(reference, this.#secretsOf(wish));
        const took = goDuration(this.#now() - started);
        const { bytes, id } = await this.#images.get(reference);
        await this.#records.pulled(id, repositoryOf(reference), credentials);
        this.#failures.delete(key);
        this.#fresh.add(key);
        const message = `Successfully pulled image "${reference}" in ${took} (${took} including waiting). Image size: ${bytes} bytes.`;
        this.#recorder.record(pod, 'Normal', 'Pulled', message, container);
      } catch (error) {
        const failures = this.#failures.get(key)?.failures ?? 0;
        const message = messageOf(error);
        this.#failures.set(key, { message, failures: failures + 1, retryAt: this.#now() + delayMs(backoff, failures), isTold: false });
        this.#recorder.record(pod, 'Warning', 'Failed', `Failed to pull image "${reference}": ${message}`, container);
      }
    };
    this.#tasks.start(`pull/${key}`, work, wake);
  }

  #secretsOf({ pod, secrets }: ImageWish): readonly Secret[] {
    const names = (pod.spec?.imagePullSecrets ?? []).map(({ name }) => name ?? '');
    const missing = names.filter((name) => !secrets.get(name));
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      this.#recorder.record(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    return present(pod, secrets);
  }

  /** With each of the credentials that are meant for the image until one is taken; without any when there are none. */
  async #transfer(reference: string, secrets: readonly Secret[]): Promise<PullCredentials | undefined> {
    const all = credentialsFor(reference, secrets);
    const failures: string[] = [];
    for (const credentials of all.length > 0 ? all : [undefined]) {
      try {
        for await (const _progress of this.#images.pull(reference, credentials ? { credentials } : {}));
        return credentials;
      } catch (error) {
        failures.push(`failed to pull and unpack image "${canonicalName(parseReference(reference))}": ${messageOf(error)}`);
      }
    }
    throw new KindError('unavailable', failures.length > 1 ? `[${failures.join(', ')}]` : (failures[0] ?? ''));
  }

  async #local(wish: ImageWish, reference: string): Promise<Image | undefined> {
    try {
      return await this.#images.get(reference);
    } catch (error) {
      if (isKind(error, 'notFound')) return undefined;
      if (!isKind(error, 'invalid')) throw error;
      const message = `Failed to apply default image tag "${reference}": couldn't parse image name "${reference}": ${messageOf(error)}`;
      this.#recorder.record(wish.pod, 'Warning', 'InspectFailed', message, wish.container);
      throw this.#waits(wish, 'InvalidImageName', message, 60_000);
    }
  }
}

function present(pod: Pod, secrets: ImageWish['secrets']): readonly Secret[] {
  return (pod.spec?.imagePullSecrets ?? []).map(({ name }) => secrets.get(name ?? '')).filter((secret) => secret !== undefined);
}

/** The API server fills the policy in; this is its rule. */
function defaultPolicy(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  return reference.includes('@') || (last.includes(':') && !last.endsWith(':latest')) ? 'IfNotPresent' : 'Always';
}
