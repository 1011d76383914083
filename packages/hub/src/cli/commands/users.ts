/** `firma users`. */
import type { Command } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  addConfirmation,
  addHubFlags,
  confirm,
  openApi,
  writeDryRun,
} from '../command.ts'
import type { Io } from '../io.ts'
import { writeRecord } from '../output.ts'

export function addUsers(program: Command, io: Io): void {
  const users = program
    .command('users')
    .description('users: one connection of a person to a provider each')
  addGet(users, io)
  addDisconnect(users, io)
}

const USER_INFO = z.object({
  user: z.looseObject({ provider: z.string(), reference_id: z.string().nullable() }),
})

function addGet(users: Command, io: Io): void {
  addHubFlags(
    users.command('get').description('show one user').argument('<user-id>', 'its user_id'),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma users get 4735eac4-31a2-47ef-8b11-51e98d84c680`,
    )
    .action(async (userId: string, flags: HubFlags) => {
      writeRecord(io, flags, await getUser(io, flags, userId))
    })
}

async function getUser(io: Io, flags: HubFlags, userId: string) {
  const answer = await openApi(io, flags).get('/v2/userInfo', { user_id: userId })
  return USER_INFO.parse(answer).user
}

function addDisconnect(users: Command, io: Io): void {
  const command = users
    .command('disconnect')
    .description('disconnect a user, and take the access back at the provider')
    .argument('<user-id>', 'its user_id')
  addConfirmation(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma users disconnect 4735eac4-31a2-47ef-8b11-51e98d84c680 --dry-run
  firma users disconnect 4735eac4-31a2-47ef-8b11-51e98d84c680 --yes

The person has to connect again afterwards. Your app gets a deauth event.`,
    )
    .action(async (userId: string, flags: HubFlags & ChangeFlags) => {
      const user = await getUser(io, flags, userId)
      const who = `${user.reference_id ?? 'a person without reference_id'} from ${user.provider}`
      if (flags.dryRun === true) return writeDryRun(io, flags, `disconnect ${who}`, { user })
      await confirm(io, flags, `This disconnects ${who}`)
      const query = new URLSearchParams({ user_id: userId }).toString()
      await openApi(io, flags).send('DELETE', `/v2/auth/deauthenticateUser?${query}`)
      writeRecord(io, flags, { user_id: userId, disconnected: true })
    })
}
