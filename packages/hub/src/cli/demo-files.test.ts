import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createFolder } from '../../test/cli/run-command.ts'
import { KEYS, addKeyToFile, findKeyFile, openKeyFile } from './demo-files.ts'

it('adds a key to the key file, which seals from then on, and keeps the others', async () => {
  const folder = await createFolder()
  const before = await openKeyFile(folder)
  const made = [await addKeyToFile(folder), await addKeyToFile(folder)]
  expect(made.map(({ id }) => id)).toEqual(['k2', 'k3'])
  const after = await findKeyFile(folder)
  expect(after?.primaryId).toBe('k3')
  expect(after?.keys).toEqual(
    new Map([...before.keys, ...made.map(({ id, key }) => [id, key] as const)]),
  )
  expect((await stat(join(folder, KEYS))).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual([KEYS])
})
