import type { Exec } from '../../engine/containers/execs.ts';

export function execInspect(exec: Exec) {
  const [entrypoint = '', ...rest] = exec.spec.command;
  return {
    ID: exec.id,
    Running: exec.isRunning,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: exec.spec.tty ?? false,
      entrypoint,
      arguments: rest,
      privileged: exec.spec.privileged ?? false,
      ...(exec.spec.user ? { user: exec.spec.user } : {}),
    },
    OpenStdin: exec.spec.openStdin ?? false,
    OpenStderr: true,
    OpenStdout: true,
    CanRemove: exec.exitCode !== undefined,
    ContainerID: exec.containerId,
    DetachKeys: '',
    Pid: exec.pid ?? 0,
  };
}
