/**
 * `$(NAME)` → its value; `$$(NAME)` → `$(NAME)`; an unknown name stays as it is.
 * kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables
 */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, escape: string, name: string | undefined) => {
    if (escape === '$') return '$';
    return values.get(name ?? '') ?? whole;
  });
}
