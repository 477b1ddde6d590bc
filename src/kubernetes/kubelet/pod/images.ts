import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import { delayMs } from '../../../base/backoff.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import type { Image, Images } from '../../../engine/images/images.ts';
import type { Tasks } from '../tasks.ts';
import { ContainerWaits } from './container-waits.ts';
import type { PodRecorder } from './recorder.ts';

interface PullFailure {
  readonly message: string;
  readonly failures: number;
  readonly retryAt: number;
}

const backoff = { initialMs: 10_000, maxMs: 300_000 };

/**
 * Images for containers, by pull policy:
 *
 *   Never         what is here, or ErrImageNeverPull
 *   IfNotPresent  what is here, else pulled
 *   Always        pulled; but an image that was built or imported here has no registry to come from and is used
 *                 at once, and one that is here is used when its registry cannot be reached
 *
 * Pulls go on in the background; the container waits with ContainerCreating, ErrImagePull or ImagePullBackOff.
 */
export class PodImages {
  readonly #images: Pick<Images, 'get' | 'pull'>;
  readonly #tasks: Tasks;
  readonly #recorder: PodRecorder;
  readonly #failures = new Map<string, PullFailure>();
  /** Pulls that ended well and have not been used by the pod that asked for them. */
  readonly #fresh = new Set<string>();

  constructor(images: Pick<Images, 'get' | 'pull'>, tasks: Tasks, recorder: PodRecorder) {
    this.#images = images;
    this.#tasks = tasks;
    this.#recorder = recorder;
  }

  /** The image, or throws ContainerWaits. `wake` is called when a pull that was started here has ended. */
  async resolve(pod: Pod, container: Container, wake: () => void): Promise<Image> {
    const reference = container.image ?? '';
    const policy = container.imagePullPolicy ?? defaultPolicy(reference);
    const local = await this.#local(reference);
    const key = `${pod.metadata.uid}/${reference}`;
    const isUsable = local !== undefined && (policy !== 'Always' || local.digests.length === 0 || this.#fresh.delete(key));
    if (isUsable) {
      this.#recorder.record(pod, 'Normal', 'Pulled', `Container image "${reference}" already present on machine`, container);
      return local;
    }
    if (policy === 'Never') {
      throw new ContainerWaits('ErrImageNeverPull', `Container image "${reference}" is not present with pull policy of Never`, 60_000);
    }
    const failure = this.#failures.get(key);
    if (failure && local) {
      this.#failures.delete(key);
      this.#recorder.record(
        pod,
        'Warning',
        'Failed',
        `Failed to pull image "${reference}": ${failure.message}; using the copy on this machine`,
        container,
      );
      return local;
    }
    if (failure && Date.now() < failure.retryAt) {
      this.#recorder.record(pod, 'Normal', 'BackOff', `Back-off pulling image "${reference}"`, container);
      throw new ContainerWaits(
        'ImagePullBackOff',
        `Back-off pulling image "${reference}": ErrImagePull: ${failure.message}`,
        failure.retryAt - Date.now(),
      );
    }
    this.#pull(pod, container, reference, key, wake);
    if (failure) throw new ContainerWaits('ErrImagePull', failure.message);
    throw new ContainerWaits('ContainerCreating', '');
  }

  #pull(pod: Pod, container: Container, reference: string, key: string, wake: () => void): void {
    const work = async (): Promise<void> => {
      this.#recorder.record(pod, 'Normal', 'Pulling', `Pulling image "${reference}"`, container);
      const started = performance.now();
      try {
        for await (const _progress of this.#images.pull(reference, {}));
      } catch (error) {
        this.#failed(pod, container, reference, key, error);
        return;
      }
      this.#failures.delete(key);
      this.#fresh.add(key);
      const seconds = ((performance.now() - started) / 1000).toFixed(3);
      this.#recorder.record(pod, 'Normal', 'Pulled', `Successfully pulled image "${reference}" in ${seconds}s`, container);
    };
    this.#tasks.start(`pull/${key}`, work, wake);
  }

  #failed(pod: Pod, container: Container, reference: string, key: string, error: unknown): void {
    const failures = this.#failures.get(key)?.failures ?? 0;
    const message = `failed to pull and unpack image "${reference}": ${messageOf(error)}`;
    this.#failures.set(key, { message, failures: failures + 1, retryAt: Date.now() + delayMs(backoff, failures) });
    this.#recorder.record(pod, 'Warning', 'Failed', `Failed to pull image "${reference}": ${messageOf(error)}`, container);
    this.#recorder.record(pod, 'Warning', 'Failed', 'Error: ErrImagePull', container);
  }

  async #local(reference: string): Promise<Image | undefined> {
    try {
      return await this.#images.get(reference);
    } catch (error) {
      if (isKind(error, 'notFound')) return undefined;
      if (isKind(error, 'invalid'))
        throw new ContainerWaits('InvalidImageName', `Failed to apply default image tag "${reference}": ${messageOf(error)}`, 60_000);
      throw error;
    }
  }
}

/** The API server fills the policy in; this is its rule. */
function defaultPolicy(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  return reference.includes('@') || (last.includes(':') && !last.endsWith(':latest')) ? 'IfNotPresent' : 'Always';
}
