/** Who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  /** What else the credential says, e.g. the pod that a token was made for. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The server's own controllers: nobody is in their way. */
export const ourselves: User = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };
