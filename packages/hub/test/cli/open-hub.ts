/** A hub with one connection, and the variables by which commands find it. */
import { expect } from 'vitest'
import { type TestHub, DEV_ID, createTestHub } from '../support/create-test-hub.ts'
import { type CommandOptions, runCommand } from './run-command.ts'

export async function openHub(): Promise<{
  hub: TestHub
  options: CommandOptions
  userId: string
}> {
  const hub = await createTestHub()
  const landing = await hub.connect('GARMIN')
  const userId = landing.searchParams.get('user_id') ?? ''
  const variables = { FIRMA_URL: hub.url, FIRMA_DEV_ID: DEV_ID, FIRMA_API_KEY: hub.apiKey }
  return { hub, options: { variables }, userId }
}

/** Runs a command that must succeed, and reads its answer. */
export async function askJson(args: readonly string[], options: CommandOptions): Promise<any> {
  const { exitCode, stdout, stderr } = await runCommand(args, options)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return JSON.parse(stdout)
}
