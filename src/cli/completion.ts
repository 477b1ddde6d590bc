import type { Command } from 'commander';
import { KindError } from '../base/errors.ts';

/** `davit completion bash|zsh`: made from the command tree, so it cannot go stale. */
export function completion(shell: string, program: Command): void {
  const verbs = program.commands.map((command) => command.name());
  const cases = program.commands.map(
    (command) => `    ${command.name()}) words="${command.options.map((option) => option.long).join(' ')} --help" ;;`,
  );
  const bash = [
    '_davit() {',
    '  local words',
    `  if [ "$COMP_CWORD" -eq 1 ]; then words="${verbs.join(' ')} help"; else case "\${COMP_WORDS[1]}" in`,
    ...cases,
    '  esac; fi',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _davit davit',
  ];
  if (shell !== 'bash' && shell !== 'zsh') throw new KindError('invalid', `no completion for "${shell}": want bash or zsh`);
  const prelude = shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : [];
  process.stdout.write(`${[...prelude, ...bash].join('\n')}\n`);
}
