/** `gtr completion`: a shell script that completes verbs, options, runs and configurations. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Argument, type Command } from 'commander';
import { PROJECT } from '../configs/project-folder.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** A verb's options, the fixed choices of its arguments, and whether it names a run. */
type Verb = { name: string; description: string; words: string[]; takesRun: boolean };

export function register(program: Command): void {
  program
    .command('completion')
    .description("print a script that completes gtr's verbs, options, runs and configurations in your shell")
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action((shell: (typeof SHELLS)[number]) => {
      const verbs = verbsOf(program);
      process.stdout.write({ bash: bashScript, zsh: zshScript, fish: fishScript }[shell](verbs));
    });
}

function verbsOf(program: Command): Verb[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    words: [
      ...command.commands.map((inner) => inner.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ...command.options.flatMap(({ long }) => long ?? []),
      '--help',
    ],
    takesRun: command.registeredArguments.some((argument) => argument.name() === 'run'),
  }));
}

/** Names in `configs/`, which `--config` takes. */
function configurations(): string {
  return readdirSync(path.join(PROJECT, 'configs'))
    .filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .join(' ');
}

/** A shell command that lists the runs of the installation. */
const RUNS = `ls "\${GTR_HOME:-${path.join(PROJECT, '.gtr')}}/runs" 2>/dev/null`;

function bashScript(verbs: readonly Verb[]): string {
  return `# Put this into ~/.bashrc: eval "$(${path.join(PROJECT, 'gtr')} completion bash)"
_gtr() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [ "$COMP_CWORD" = 1 ]; then words='${verbs.map(({ name }) => name).join(' ')} --help --version'
  elif [ "$before" = --config ]; then words='${configurations()}'
  else case \${COMP_WORDS[1]} in
${verbs.map(({ name, words, takesRun }) => `    ${name}) words='${words.join(' ')}'${takesRun ? `" $(${RUNS})"` : ''} ;;`).join('\n')}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _gtr gtr ./gtr ${path.join(PROJECT, 'gtr')}
`;
}

function zshScript(verbs: readonly Verb[]): string {
  return `# Put this into ~/.zshrc: eval "$(${path.join(PROJECT, 'gtr')} completion zsh)"
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${bashScript(verbs).split('\n').slice(1).join('\n')}`;
}

function fishScript(verbs: readonly Verb[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = verbs.flatMap(({ name, description, words, takesRun }) => [
    `complete -c gtr -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    `complete -c gtr -n '__fish_seen_subcommand_from ${name}' -a ${quoted(words.join(' '))}`,
    ...(takesRun ? [`complete -c gtr -n '__fish_seen_subcommand_from ${name}' -a '(${fishRuns()})'`] : []),
  ]);
  return `# Save this as ~/.config/fish/completions/gtr.fish
${lines.join('\n')}
complete -c gtr -n '__fish_prev_arg_in --config' -a ${quoted(configurations())}
`;
}

function fishRuns(): string {
  const folder = path.join(PROJECT, '.gtr');
  return `ls (set -q GTR_HOME; and echo $GTR_HOME; or echo ${folder})/runs 2>/dev/null`;
}
