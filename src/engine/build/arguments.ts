import { architecture } from '../images/import.ts';
import type { Variables } from './words.ts';

/** Build arguments of one stage: declared by ARG, valued by the caller or a default. */
export class BuildArguments {
  readonly #given: Readonly<Record<string, string | undefined>>;
  readonly #globals: ReadonlyMap<string, string | undefined>;
  readonly #declared = new Map<string, string | undefined>();
  readonly #used: Set<string>;

  constructor(given: Readonly<Record<string, string | undefined>>, globals: ReadonlyMap<string, string | undefined>, used: Set<string>) {
    this.#given = given;
    this.#globals = globals;
    this.#used = used;
  }

  declare(name: string, value: string | undefined): void {
    this.#used.add(name);
    this.#declared.set(name, this.#given[name] ?? value ?? this.#globals.get(name) ?? platformArguments(name));
  }

  /** A stage that starts from another one has its arguments, too. */
  inherit(base: BuildArguments): void {
    for (const [name, value] of base.#declared) this.#declared.set(name, value);
  }

  readonly lookup: Variables = (name) => this.#declared.get(name);

  /** `KEY=value` for RUN, without those that the environment sets: ENV wins over ARG. */
  forRun(env: readonly string[]): readonly string[] {
    const set = new Set(env.map((entry) => entry.slice(0, entry.indexOf('='))));
    return [...this.#declared]
      .filter(([name, value]) => value !== undefined && !set.has(name))
      .map(([name, value]) => `${name}=${value}`)
      .sort();
  }

  /** Proxy settings reach RUN without ARG and do not count for the cache. */
  proxies(): readonly string[] {
    return Object.entries(this.#given)
      .filter(([name, value]) => isProxy(name) && value !== undefined && !this.#declared.has(name))
      .map(([name, value]) => `${name}=${value}`);
  }
}

/** As `# check` in the file, and before it. */
export const checkSettingArgument = 'BUILDKIT_DOCKERFILE_CHECK';

export function isProxy(name: string): boolean {
  return /^(?:http|https|ftp|no|all)_proxy$/i.test(name);
}

/** BuildKit's arguments of the global scope. */
export function platformArguments(name: string): string | undefined {
  return platformValues()[name];
}

export function platformNames(): readonly string[] {
  return Object.keys(platformValues());
}

function platformValues(): Readonly<Record<string, string>> {
  const arch = architecture();
  return {
    BUILDPLATFORM: `linux/${arch}`,
    BUILDOS: 'linux',
    BUILDOSVERSION: '',
    BUILDARCH: arch,
    BUILDVARIANT: '',
    TARGETPLATFORM: `linux/${arch}`,
    TARGETOS: 'linux',
    TARGETOSVERSION: '',
    TARGETARCH: arch,
    TARGETVARIANT: '',
  };
}
