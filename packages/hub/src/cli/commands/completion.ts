/** `firma completion`: what a shell needs to complete commands and options. */
import { Argument, type Command } from 'commander'
import type { Io } from '../io.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print what a shell needs to complete firma')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  firma completion bash > /etc/bash_completion.d/firma
  firma completion zsh > "\${fpath[1]}/_firma"
  firma completion fish > ~/.config/fish/completions/firma.fish`,
    )
    .action((shell: Shell) => io.out(toScript(shell, listWords(program))))
}

/** Words that may follow a path of commands, for example `users list`. */
interface Words {
  readonly path: string
  readonly words: readonly string[]
}

function listWords(command: Command, path: readonly string[] = []): Words[] {
  const commands = command.commands.map((each) => each.name())
  const options = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]))
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? [])
  const own = { path: path.join(' '), words: [...commands, ...choices, ...options, '--help'] }
  return [own, ...command.commands.flatMap((each) => listWords(each, [...path, each.name()]))]
}

function toScript(shell: Shell, all: readonly Words[]): string {
  switch (shell) {
    case 'bash':
      return toBash(all)
    case 'zsh':
      return toZsh(all)
    case 'fish':
      return toFish(all)
  }
}

function toBash(all: readonly Words[]): string {
  const cases = all.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`)
  return `_firma() {
  local path="" words="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      -*) ;;
      *) case "\${path:+$path }$word" in ${listPaths(all)}) path="\${path:+$path }$word" ;; esac ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _firma firma
`
}

/** Loaded by the first completion, which must not come to nothing for that. */
function toZsh(all: readonly Words[]): string {
  return `#compdef firma
autoload -U +X bashcompinit && bashcompinit
${toBash(all)}[[ \${funcstack[1]} != _firma ]] || _bash_complete -o default -F _firma
`
}

function listPaths(all: readonly Words[]): string {
  return all
    .filter(({ path }) => path !== '')
    .map(({ path }) => `"${path}"`)
    .join('|')
}

function toFish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, words }) => {
    const condition = `test (__firma_path) = "${path}"`
    const names = words.filter((word) => !word.startsWith('-'))
    const flags = words.filter((word) => word.startsWith('--'))
    return [
      ...(names.length === 0
        ? []
        : [`complete -c firma -f -n '${condition}' -a '${names.join(' ')}'`]),
      ...flags.map((flag) => `complete -c firma -n '${condition}' -l ${flag.slice(2)}`),
    ]
  })
  return `function __firma_path
  set -l path
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and continue
    set -l next (string join ' ' $path $word)
    contains -- "$next" ${all.map(({ path }) => `'${path}'`).join(' ')}; and set path $path $word
  end
  echo (string join ' ' $path)
end
${lines.join('\n')}
`
}
