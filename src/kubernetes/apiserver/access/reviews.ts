import type {
  PolicyRule,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReviewSpec,
  TokenReviewSpec,
} from '../../../api/kubernetes/types.generated.ts';
import type { Attributes } from './attributes.ts';
import type { Authenticator } from './authenticator.ts';
import type { Authorizer } from './authorize.ts';
import type { User } from './user.ts';

type Body = Readonly<Record<string, unknown>>;

export interface Reviewer {
  readonly authorizer: Authorizer;
  readonly authenticator: Authenticator;
}

/** Answers a review kind: the body as it came, with its status. Undefined for what is no review. */
export async function answerReview(
  { authorizer, authenticator }: Reviewer,
  kind: string,
  body: Body,
  user: User,
): Promise<Body | undefined> {
  switch (kind) {
    case 'SelfSubjectReview':
      return { ...body, status: { userInfo: userInfo(user) } };
    case 'SelfSubjectAccessReview':
      return { ...body, status: verdict(authorizer, user, body['spec'] as SelfSubjectAccessReviewSpec) };
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview': {
      const spec = (body['spec'] ?? {}) as SubjectAccessReviewSpec;
      return { ...body, status: verdict(authorizer, { name: spec.user ?? '', groups: spec.groups ?? [] }, spec) };
    }
    case 'SelfSubjectRulesReview': {
      const { namespace } = (body['spec'] ?? {}) as { readonly namespace?: string };
      const rules = authorizer.grants(user, namespace).flatMap((grant) => grant.rules);
      return { ...body, status: rulesStatus(rules) };
    }
    case 'TokenReview': {
      const { token = '', audiences } = (body['spec'] ?? {}) as TokenReviewSpec;
      return { ...body, status: await authenticator.review(token, audiences) };
    }
    default:
      return undefined;
  }
}

/** authentication/v1 UserInfo. */
export function userInfo({ name, groups, uid, extra }: User): object {
  return { username: name, ...(uid && { uid }), groups, ...(extra && Object.keys(extra).length > 0 && { extra }) };
}

function rulesStatus(rules: readonly PolicyRule[]): object {
  const isPath = (rule: PolicyRule): boolean => (rule.nonResourceURLs?.length ?? 0) > 0;
  return {
    resourceRules: rules
      .filter((rule) => !isPath(rule))
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames && { resourceNames }) })),
    nonResourceRules: rules.filter(isPath).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}

function verdict(authorizer: Authorizer, user: User, spec: SelfSubjectAccessReviewSpec | undefined): object {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec ?? {};
  const asked: Attributes = path
    ? { verb: path.verb ?? '', path: path.path ?? '' }
    : {
        verb: resource?.verb ?? '',
        group: resource?.group ?? '',
        resource: resource?.resource ?? '',
        subresource: resource?.subresource || undefined,
        namespace: resource?.namespace || undefined,
        name: resource?.name || undefined,
      };
  const { allowed, reason } = authorizer.verdict(user, asked);
  return { allowed, ...(reason !== undefined && { reason }) };
}
