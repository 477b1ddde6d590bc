import { isKind, wrap } from '../base/errors.ts';
import type { Processes } from './processes.ts';
import { runtimeError } from './runc.ts';
import { deleteEnded, signalFirst, startWaiting } from './runc-state.ts';
import type { Runtime, RuntimeState } from './runtime.ts';

export type RuntimeCommands = Pick<Runtime, 'version' | 'start' | 'kill' | 'delete' | 'pause' | 'resume' | 'update' | 'state'>;

/** The verbs that the OCI runtime's command line does alone; each costs some 8 ms. */
/** `root`: where the runtime keeps its state, if it is ours. */
export function runtimeCommands(processes: Processes, runtimePath: string, root: string | undefined): RuntimeCommands {
  const globalArgs = root === undefined ? [] : ['--root', root];
  const oci = async (doing: string, args: readonly string[], stdin?: string): Promise<string> => {
    const result = await processes.run([runtimePath, ...globalArgs, ...args], stdin === undefined ? {} : { stdin });
    if (result.exitCode !== 0) throw wrap(runtimeError(result.stderr), doing);
    return result.stdout;
  };

  return {
    async version() {
      const { stdout } = await processes.run([runtimePath, '--version']);
      return /^(\S+) version ([0-9][0-9.]*)/.exec(stdout)?.slice(1).join(' ') ?? runtimePath;
    },

    async start(id) {
      if (root !== undefined && (await startWaiting(root, id))) return;
      await oci('OCI runtime start failed', ['start', id]);
    },

    async kill(id, signal, { all = false } = {}) {
      if (!all && root !== undefined && signalFirst(root, id, signal)) return;
      await oci(`kill container ${id}`, ['kill', ...(all ? ['--all'] : []), id, String(signal)]);
    },

    async delete(id, { force = false } = {}) {
      if (root !== undefined && deleteEnded(root, id)) return;
      try {
        await oci(`delete container ${id}`, ['delete', ...(force ? ['--force'] : []), id]);
      } catch (error) {
        if (!isKind(error, 'notFound')) throw error;
      }
    },

    async pause(id) {
      await oci(`pause container ${id}`, ['pause', id]);
    },

    async resume(id) {
      await oci(`resume container ${id}`, ['resume', id]);
    },

    async update(id, resources) {
      await oci(`update container ${id}`, ['update', '--resources', '-', id], JSON.stringify(resources));
    },

    async state(id) {
      try {
        const { status, pid } = JSON.parse(await oci(`state of container ${id}`, ['state', id])) as RuntimeState;
        return { status, pid };
      } catch (error) {
        if (isKind(error, 'notFound')) return undefined;
        throw error;
      }
    },
  };
}
