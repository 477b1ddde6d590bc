import { delay } from '../../../base/abort.ts';
import { KindError, messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { Container, EphemeralContainer, Pod, Quantity } from '../../../api/kubernetes/types.generated.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import type { Tasks } from '../tasks.ts';
import { containerMounts } from '../volumes/container-mounts.ts';
import type { MountedVolume, PodVolumes, VolumeSources } from '../volumes/volumes.ts';
import { containerSpecOf } from './container-spec.ts';
import { ContainerWaits } from './container-waits.ts';
import { environmentOf, type EnvironmentSources } from './environment.ts';
import { podLabels } from './observed.ts';
import type { PodImages } from './images.ts';
import { runHook } from './lifecycle.ts';
import type { PodAction } from './plan.ts';
import type { PodSources } from './pod-sources.ts';
import type { PodRecorder } from './recorder.ts';
import { refuseUnknown } from './refusals.ts';
import { podLimitsOf } from './resources.ts';
import { sandboxSpecOf, type SandboxFacts } from './sandbox-spec.ts';

export interface PodRuntimeOptions {
  readonly engine: Engine;
  readonly kernel: Kernel;
  readonly volumes: PodVolumes;
  readonly images: PodImages;
  readonly sources: PodSources;
  readonly tasks: Tasks;
  readonly recorder: PodRecorder;
  readonly log: Log;
  readonly sandbox: SandboxFacts;
  readonly nodeIp: string;
  readonly cgroupParent: string;
  readonly memoryCapacity: number;
  readonly allocatable: Readonly<Record<string, Quantity>>;
}

/** A claim is bound, or a ConfigMap made, moments after its pod. */
const mountRetryMs = 500;

type Start = Extract<PodAction, { readonly do: 'startContainer' }>;
type Resize = Extract<PodAction, { readonly do: 'resizeContainer' }>;
type Stop = Extract<PodAction, { readonly do: 'stopContainer' }>;

/** What is fetched and made once for all the containers of a pod that start together. */
export interface PodGround {
  readonly sources: VolumeSources & EnvironmentSources;
  readonly volumes: ReadonlyMap<string, MountedVolume>;
}

/** The acts of the kubelet: each brings the engine one step closer to a plan. */
export class PodRuntime {
  readonly #options: PodRuntimeOptions;
  /** When each container that is being stopped is killed at the latest, in ms since the epoch. */
  readonly #deadlines = new Map<string, number>();

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
  }

  async createSandbox(pod: Pod): Promise<void> {
    const { kernel, engine, sandbox, recorder } = this.#options;
    kernel.cgroups.create(this.#cgroup(pod.metadata.uid ?? ''), podLimitsOf(pod));
    try {
      refuseUnknown(pod);
      await engine.sandboxes.create({ ...sandboxSpecOf(pod, sandbox), cgroupParent: this.#cgroup(pod.metadata.uid ?? '') });
    } catch (error) {
      recorder.record(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Everything of a pod on this host but its volumes elsewhere. Succeeds when nothing is left. */
  async remove(uid: string): Promise<void> {
    const { engine, kernel, volumes, sources, images } = this.#options;
    await engine.sandboxes.remove(uid);
    await volumes.remove(uid);
    sources.forget(uid);
    images.forget(uid);
    kernel.cgroups.remove(this.#cgroup(uid));
  }

  /** Reads what the pod refers to and makes its volumes. Throws ContainerWaits while something is missing. */
  async prepare(pod: Pod, podIp: string): Promise<PodGround> {
    try {
      const sources = await this.#sources(pod, podIp);
      return { sources, volumes: await this.#options.volumes.mountAll(pod, sources) };
    } catch (error) {
      this.#options.recorder.record(pod, 'Warning', 'FailedMount', messageOf(error));
      throw new ContainerWaits('ContainerCreating', '', mountRetryMs);
    }
  }

  /** Brings configuration volumes of a running pod up to date. */
  async refresh(pod: Pod, podIp: string): Promise<void> {
    await this.#options.volumes.refresh(pod, await this.#sources(pod, podIp));
  }

  /** `wake` is called when something it waits for (an image) has come. */
  async startContainer(pod: Pod, action: Start, ground: PodGround, wake: () => void): Promise<void> {
    const { engine, images, recorder, volumes, memoryCapacity } = this.#options;
    const { container, attempt } = action;
    const image = await images.resolve({ pod, container, secrets: ground.sources.secrets, wake });
    const uid = pod.metadata.uid ?? '';
    const spec = await this.#configured(pod, container, async () => {
      const target = await this.#target(uid, container);
      const environment = environmentOf(pod, container, ground.sources);
      return containerSpecOf(pod, container, {
        attempt,
        environment,
        mounts: await containerMounts(container, ground.volumes, environment),
        imageUser: image.config.config.User ?? '',
        cgroupParent: this.#cgroup(uid),
        memoryCapacity,
        target,
        terminationLog: await volumes.terminationLog(uid, container.name, attempt),
      });
    });
    const { container: created } = await this.#attempt(pod, container, 'CreateContainerError', () => engine.containers.create(spec));
    recorder.record(pod, 'Normal', 'Created', `Created container: ${container.name}`, container);
    await this.#attempt(pod, container, 'RunContainerError', () => engine.containers.start(created.id));
    recorder.record(pod, 'Normal', 'Started', `Started container ${container.name}`, container);
    await this.#postStart(pod, container, created.id, ground.sources.podIp);
  }

  /** Begins to stop a container: preStop, stop signal, SIGKILL at the end of the grace period. Asked again with less time, it ends sooner. */
  stopContainer(pod: Pod, action: Stop, podIp: string): void {
    const { tasks, recorder } = this.#options;
    const deadline = Date.now() + action.graceSeconds * 1000;
    const isUnderWay = tasks.has(`stop/${action.id}`);
    const known = this.#deadlines.get(action.id);
    if (isUnderWay && known !== undefined && deadline < known - 1000) {
      this.#deadlines.set(action.id, deadline);
      tasks.start(
        `kill/${action.id}`,
        () => this.#killAfter(action.id, action.graceSeconds),
        () => undefined,
      );
    }
    if (isUnderWay) return;
    this.#deadlines.set(action.id, deadline);
    recorder.record(pod, 'Normal', 'Killing', action.message, action.container);
    const work = async (): Promise<void> => {
      try {
        const hadHook = await this.#preStop(pod, action, podIp);
        // As upstream: a hook that used up the time leaves two seconds for the signal.
        const left = Math.max(hadHook ? 2 : 0, Math.round((deadline - Date.now()) / 1000));
        await this.#options.engine.containers.stop(action.id, { timeoutSeconds: left });
      } finally {
        this.#deadlines.delete(action.id);
      }
    };
    tasks.start(`stop/${action.id}`, work, () => undefined);
  }

  async #killAfter(id: string, seconds: number): Promise<void> {
    await delay(seconds * 1000);
    await this.#options.engine.containers.kill(id, 'SIGKILL');
  }

  /** The pod's own group gives way first when it grows, and follows when it shrinks: the kernel takes no child above its parent. */
  async resizeContainer(pod: Pod, { id, limits }: Resize): Promise<void> {
    const { engine, kernel } = this.#options;
    const group = this.#cgroup(pod.metadata.uid ?? '');
    const bound = (): void => kernel.cgroups.create(group, podLimitsOf(pod));
    try {
      bound();
    } catch {
      // It is above that now: its containers first.
    }
    await engine.containers.update(id, { limits });
    bound();
  }

  async removeContainer(id: string): Promise<void> {
    await this.#options.engine.containers.remove(id, { force: true, volumes: true });
  }

  async #preStop(pod: Pod, action: Stop, podIp: string): Promise<boolean> {
    const handler = action.container?.lifecycle?.preStop;
    if (!handler || !action.container || action.graceSeconds === 0) return false;
    try {
      await runHook(
        handler,
        { pod, containerId: action.id, container: action.container, ip: podIp },
        this.#options.engine.execs,
        action.graceSeconds * 1000,
      );
    } catch (error) {
      // Events are for more eyes than what a hook may say.
      this.#options.log.warn({ container: action.id, error: messageOf(error) }, 'preStop hook failed');
      this.#options.recorder.record(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', action.container);
    }
    return true;
  }

  async #postStart(pod: Pod, container: Container, id: string, podIp: string): Promise<void> {
    const handler = container.lifecycle?.postStart;
    if (!handler) return;
    const { engine, recorder } = this.#options;
    try {
      await runHook(handler, { pod, containerId: id, container, ip: podIp }, engine.execs, 600_000);
    } catch (error) {
      recorder.record(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', container);
      const graceSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
      this.stopContainer(pod, { do: 'stopContainer', id, container, message: 'FailedPostStartHook', graceSeconds }, podIp);
      throw new ContainerWaits('PostStartHookError', messageOf(error));
    }
  }

  async #sources(pod: Pod, podIp: string): Promise<VolumeSources & EnvironmentSources> {
    const { sources, nodeIp, sandbox, allocatable } = this.#options;
    return { ...(await sources.of(pod)), podIp, hostIp: nodeIp, nodeName: sandbox.nodeName, allocatable };
  }

  /** Whom an ephemeral container is to look at. */
  async #target(uid: string, container: Container | EphemeralContainer): Promise<string | undefined> {
    const name = 'targetContainerName' in container ? container.targetContainerName : undefined;
    if (!name) return undefined;
    const all = await this.#options.engine.containers.list();
    const found = all.find(({ labels, pid }) => labels[podLabels.uid] === uid && labels[podLabels.container] === name && pid !== undefined);
    if (!found) throw new KindError('notFound', `unable to find target container ${name}`);
    return found.id;
  }

  /** Errors of a pod's own configuration, in the kubelet's words. */
  async #configured<T>(pod: Pod, container: Container, build: () => Promise<T>): Promise<T> {
    try {
      return await build();
    } catch (error) {
      this.#options.recorder.record(pod, 'Warning', 'Failed', `Error: ${messageOf(error)}`, container);
      throw new ContainerWaits('CreateContainerConfigError', messageOf(error), 2000);
    }
  }

  async #attempt<T>(pod: Pod, container: Container, reason: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      this.#options.recorder.record(pod, 'Warning', 'Failed', `Error: ${messageOf(error)}`, container);
      throw new ContainerWaits(reason, messageOf(error), error instanceof KindError && error.kind === 'conflict' ? 200 : 1000);
    }
  }

  #cgroup(uid: string): string {
    return `${this.#options.cgroupParent}/pods/${uid}`;
  }
}
