import type { Attributes } from '../access/attributes.ts';
import type { Authorizer } from '../access/authorize.ts';
import type { User } from '../access/user.ts';
import type { Exchange } from '../http/exchange.ts';
import { targetOf, verbOf } from '../http/target.ts';
import { audited, type Audit } from './audited.ts';

/** Begins to note a request. `asker` is undefined where nobody was identified; `user` is as whom they act, once they may. */
export function beginAudit(
  audit: Audit,
  authorizer: Authorizer,
  exchange: Exchange,
  asker: User | undefined,
  user: User | undefined,
): ReturnType<typeof audited> {
  const { attributes, version } = attributesOf(exchange);
  const decision = user && authorizer.verdict(user, attributes);
  const impersonated = user && user !== asker ? user : undefined;
  return audited(audit, exchange, { user: asker, impersonated, attributes, decision, version });
}

function attributesOf({ method, path, query }: Exchange): { readonly attributes: Attributes; readonly version?: string } {
  try {
    const target = targetOf(path);
    if (target) return { attributes: { verb: verbOf(method, target, query), ...target }, version: target.version };
  } catch {
    // A path or a method that nothing can be made of is noted as it came.
  }
  return { attributes: { verb: method.toLowerCase(), path } };
}
