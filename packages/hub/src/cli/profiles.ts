/** Hubs that `firma login` remembers, in a file that only its owner can read. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { CliError, EXIT } from './exit-codes.ts'
import { suggest } from '../core/nearest.ts'

const PROFILE = z.object({ url: z.url(), dev_id: z.string().optional(), api_key: z.string() })
const PROFILES = z.object({ current: z.string(), profiles: z.record(z.string(), PROFILE) })

export type Profile = z.infer<typeof PROFILE>
type Profiles = z.infer<typeof PROFILES>

export class ProfileFile {
  readonly path: string

  constructor(variables: NodeJS.ProcessEnv) {
    const folder = variables['XDG_CONFIG_HOME'] || join(variables['HOME'] || homedir(), '.config')
    this.path = join(folder, 'firma', 'profiles.json')
  }

  /** @returns `undefined` where nobody has logged in. */
  read(): Profiles | undefined {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw new CliError(`cannot read ${this.path}; correct its rights`, EXIT.usage, {
        cause: error,
      })
    }
    try {
      return PROFILES.parse(JSON.parse(text))
    } catch {
      // Not the parser's own words: they would quote the file, and it holds keys.
      throw new CliError(`${this.path} is damaged; remove it and run firma login again`, EXIT.usage)
    }
  }

  /** @returns The named profile, or the one that was logged in to last. */
  find(name: string | undefined): Profile | undefined {
    const file = this.read()
    const profile = file?.profiles[name ?? file.current]
    if (name === undefined || profile !== undefined) return profile
    const known = Object.keys(file?.profiles ?? {})
    throw new CliError(
      `there is no profile "${name}"${suggest(name, known)}; make it with firma login --profile ${name}`,
      EXIT.usage,
    )
  }

  save(name: string, profile: Profile): void {
    const profiles = { ...this.read()?.profiles, [name]: profile }
    this.#write({ current: name, profiles })
  }

  /** @throws CliError when there is none of this name, or none at all. */
  get(name: string | undefined): { readonly profile: string; readonly url: string } {
    const file = this.read()
    const profile = name ?? file?.current ?? ''
    const found = file?.profiles[profile]
    if (found !== undefined) return { profile, url: found.url }
    throw new CliError(`${this.path} has no such profile`, EXIT.usage)
  }

  remove(name: string): void {
    const file = this.read()
    const { [name]: _, ...profiles } = file?.profiles ?? {}
    const current = file?.current ?? ''
    const next = current === name ? (Object.keys(profiles)[0] ?? '') : current
    this.#write({ current: next, profiles })
  }

  #write(content: Profiles): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 })
    writeFileSync(this.path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
    // The mode above counts only for a new file.
    chmodSync(this.path, 0o600)
  }
}
