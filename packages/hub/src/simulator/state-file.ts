/**
 * Keeps what simulated providers know in a small file, so that a restart does not strand the connections
 * that people have made. For one process and some hundred accounts; not for load.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { FirmaError } from '../errors.ts'
import { WORLD_STATE } from './world-state.ts'
import type { World } from './world.ts'

const STATE = z.record(z.string(), WORLD_STATE)

/** The file of a running simulator. */
export interface StateFile {
  /** Writes what has changed. */
  save(): void
}

/**
 * Restores the worlds from the file, if there is one.
 *
 * @throws FirmaError `configuration_invalid` when the file is not what was written.
 */
export function openStateFile(path: string, worlds: ReadonlyMap<string, World>): StateFile {
  let written = readText(path)
  if (written !== undefined) {
    const parsed = STATE.safeParse(parseJson(written))
    if (!parsed.success) {
      throw new FirmaError(
        'configuration_invalid',
        `${path} is not the state of simulated providers; remove it to begin with none`,
      )
    }
    for (const [resource, state] of Object.entries(parsed.data))
      worlds.get(resource)?.restore(state)
  }
  return {
    save: () => {
      const states = [...worlds].map(([resource, world]) => [resource, world.toState()] as const)
      const text = JSON.stringify(
        Object.fromEntries(states.filter(([, { accounts }]) => accounts.length > 0)),
      )
      if (text === written) return
      // Beside and renamed: a crash leaves the old file or the new one.
      writeFileSync(`${path}.new`, text, { mode: 0o600 })
      renameSync(`${path}.new`, path)
      written = text
    },
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller says what is wrong with it.
    return undefined
  }
}
