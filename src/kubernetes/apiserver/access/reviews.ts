import type { SelfSubjectAccessReviewSpec, SubjectAccessReviewSpec } from '../../../api/kubernetes/types.generated.ts';
import { type Attributes, isAllowed } from './authorize.ts';
import type { User } from './user.ts';

type Body = Readonly<Record<string, unknown>>;

/** Answers a review kind: the body as it came, with its status. Undefined for what is no review. */
export function answerReview(kind: string, body: Body, user: User): Body | undefined {
  switch (kind) {
    case 'SelfSubjectReview':
      return { ...body, status: { userInfo: { username: user.name, groups: user.groups } } };
    case 'SelfSubjectAccessReview':
      return { ...body, status: verdict(user, body['spec'] as SelfSubjectAccessReviewSpec) };
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview': {
      const spec = (body['spec'] ?? {}) as SubjectAccessReviewSpec;
      return { ...body, status: verdict({ name: spec.user ?? '', groups: spec.groups ?? [] }, spec) };
    }
    case 'SelfSubjectRulesReview': {
      const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
      const isMaster = user.groups.includes('system:masters');
      const paths = [{ verbs: ['*'], nonResourceURLs: ['*'] }];
      return {
        ...body,
        status: { resourceRules: isMaster ? everything : [], nonResourceRules: isMaster ? paths : [], incomplete: !isMaster },
      };
    }
    case 'TokenReview':
      return { ...body, status: { user: {}, error: 'davit authenticates by client certificate; bearer tokens are not issued' } };
    default:
      return undefined;
  }
}

function verdict(user: User, spec: SelfSubjectAccessReviewSpec | undefined): object {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec ?? {};
  const asked: Attributes = path
    ? { verb: path.verb ?? '', path: path.path ?? '' }
    : {
        verb: resource?.verb ?? '',
        group: resource?.group ?? '',
        resource: resource?.resource ?? '',
        subresource: resource?.subresource,
        namespace: resource?.namespace,
        name: resource?.name,
      };
  return isAllowed(user, asked) ? { allowed: true } : { allowed: false, reason: `not in a group that may (system:masters, system:nodes)` };
}
