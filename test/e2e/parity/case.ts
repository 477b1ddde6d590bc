/** A shell script of docker commands that is run against both engines; what it prints and how it ends must be the same. */
export interface ParityCase {
  readonly name: string;
  readonly script: string;
  /** Told apart on purpose: why, and what stands in the way. */
  readonly skip?: string;
}
