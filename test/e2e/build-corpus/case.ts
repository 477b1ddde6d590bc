/** One Dockerfile with its context, built by davit and by dockerd. */
export interface Case {
  readonly name: string;
  readonly dockerfile: string;
  /** Path → text, a mode with text, or the target of a symlink. */
  readonly files?: Readonly<Record<string, string | { readonly text: string; readonly mode: number } | { readonly link: string }>>;
  /** Shell lines that finish the context, run in its folder. */
  readonly prepare?: string;
  /** More flags of docker build. */
  readonly flags?: readonly string[];
  /** Both must refuse it. */
  readonly fails?: true;
  /** By dockerd's classic builder, where it says more than its BuildKit, or other things that davit follows. */
  readonly classic?: true;
  /**
   * Files whose capability dockerd 20.10 loses: it changes the owner after it has set the attributes, which clears it
   * (https://github.com/moby/buildkit/issues/2250). Its layers, its containers and its exports agree on that; here the
   * capability is kept. All else is compared, and the exception fails where dockerd keeps one.
   */
  readonly capable?: readonly string[];
  /** Why it is not run. */
  readonly skip?: string;
}
