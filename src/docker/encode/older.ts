/**
 * Answers in the form that clients of older APIs know, and without what newer ones no longer have.
 * https://github.com/moby/moby/blob/master/api/docs/CHANGELOG.md
 */
type Fields = Readonly<Record<string, unknown>>;

/** `GET /info`. */
export function infoAsOf(minor: number, answer: { readonly RegistryConfig: Fields } & Fields): Fields {
  const registries = without(
    answer.RegistryConfig,
    minor >= 49 ? ['AllowNondistributableArtifactsCIDRs', 'AllowNondistributableArtifactsHostnames'] : [],
  );
  return {
    ...without(answer, minor < 44 ? ['CDISpecDirs'] : []),
    RegistryConfig: registries,
    ...(minor < 50 ? { BridgeNfIptables: false, BridgeNfIp6tables: false } : {}),
  };
}

const neverOfAnImage = ['Hostname', 'Domainname', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'Tty', 'OpenStdin', 'StdinOnce', 'Image'];

/** `GET /images/{name}/json`: until 1.45 with the container that a classic build committed, since 1.50 without a container's settings. */
export function imageAsOf(minor: number, answer: { readonly Config: Fields } & Fields): Fields {
  const none = { ...Object.fromEntries(neverOfAnImage.map((name) => [name, answer.Config[name]])), User: '', Env: null, Cmd: null };
  return {
    ...answer,
    ...(minor < 45
      ? { Container: '', ContainerConfig: { ...none, Volumes: null, WorkingDir: '', Entrypoint: null, OnBuild: null, Labels: null } }
      : {}),
    Config: without(answer.Config, minor >= 50 ? neverOfAnImage : []),
  };
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}
