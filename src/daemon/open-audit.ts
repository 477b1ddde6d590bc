import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KindError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Audit } from '../kubernetes/apiserver/audit/audited.ts';
import { parsePolicy } from '../kubernetes/apiserver/audit/policy.ts';
import type { Config } from './config.ts';
import { RotatingFile } from './rotating-file.ts';

/** The audit log that the configuration asks for, if it does. */
export async function openAudit(config: Config, log: Log): Promise<(Audit & AsyncDisposable) | undefined> {
  const { auditPolicyFile, auditLogPath, auditLogMaxsize, auditLogMaxbackup, auditLogMaxage } = config;
  if (auditPolicyFile === undefined || auditLogPath === undefined) return undefined;
  const policy = parsePolicy(readPolicy(auditPolicyFile), auditPolicyFile);
  mkdirSync(dirname(auditLogPath), { recursive: true, mode: 0o700 });
  const limits = { maxBytes: auditLogMaxsize * 2 ** 20, maxBackups: auditLogMaxbackup, maxAgeDays: auditLogMaxage };
  const file = await RotatingFile.open({ holds: 'audit events', path: auditLogPath, ...limits }, log);
  return { policy, write: (line) => file.write(line), [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
}

function readPolicy(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KindError('invalid', `the audit policy ${path} cannot be read: ${messageOf(error)}`);
  }
}
