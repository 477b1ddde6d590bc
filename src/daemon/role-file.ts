import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivate } from './pki.ts';

/** Written by a davit process once it serves: `<runRoot>/roles/<role>.json`. pid + start time name the process for good. */
export interface RoleFile {
  readonly role: 'server' | 'node' | 'engine';
  readonly pid: number;
  /** Clock ticks since boot, /proc/<pid>/stat field 22. */
  readonly startTime: number;
  readonly version: string;
  readonly startedAt: string;
  /** What it listens on: `unix:///run/davit/docker.sock`, `https://127.0.0.1:6443`. */
  readonly sockets: readonly string[];
}

export function rolesFolder(runRoot: string): string {
  return join(runRoot, 'roles');
}

export function writeRole(runRoot: string, role: RoleFile): void {
  writePrivate(join(rolesFolder(runRoot), `${role.role}.json`), JSON.stringify(role));
}

export function removeRole(runRoot: string, role: RoleFile['role']): void {
  rmSync(join(rolesFolder(runRoot), `${role}.json`), { force: true });
}

/** What the files say; whether the processes live is for the caller to see. */
export function readRoles(runRoot: string): readonly RoleFile[] {
  const folder = rolesFolder(runRoot);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as RoleFile);
}
