import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeSpec } from '../../api/oci/runtime.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { pauseProgram } from './pause-program.ts';

/** Who holds the PID namespace of a sandbox; with its start time, since PIDs come again. */
export interface Pause {
  readonly pid: number;
  readonly startTime: number | undefined;
}

export interface PauseRequest {
  readonly id: string;
  /** Of its own; gone with the boot. */
  readonly folder: string;
  readonly cgroupsPath: string;
  readonly namespaces: RuntimeSpec['linux']['namespaces'];
}

/** A PID namespace lives as long as its first process: this starts one that does nothing. The caller deletes it from the runtime. */
export async function startPause({ runtime, processes, cgroups }: Kernel, request: PauseRequest): Promise<Pause> {
  const rootfs = join(request.folder, 'rootfs');
  mkdirSync(rootfs, { recursive: true });
  writeFileSync(join(rootfs, 'pause'), pauseProgram(), { mode: 0o555 });
  writeFileSync(join(request.folder, 'config.json'), JSON.stringify(specOf(rootfs, request)));
  cgroups.expectEntry();
  const supervision = join(request.folder, 's');
  const { pid } = await runtime.create({ id: request.id, bundle: request.folder, directory: supervision, terminal: false, stdin: false });
  await runtime.start(request.id);
  return { pid, startTime: processes.startTime(pid) };
}

/** Nobody, with no right to anything. */
function specOf(rootfs: string, { cgroupsPath, namespaces }: PauseRequest): RuntimeSpec {
  const safe = ['nosuid', 'noexec', 'nodev'];
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 65_535, gid: 65_535 },
      args: ['/pause'],
      env: [],
      cwd: '/',
      capabilities: { bounding: [], effective: [], permitted: [] },
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: safe },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    ],
    linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }, ...namespaces], cgroupsPath },
  };
}
