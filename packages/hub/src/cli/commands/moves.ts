/** `firma moves`: people go from a provider that ends to its successor. */
import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addConfirmation,
  addDryRun,
  addHubFlags,
  addPageFlags,
  confirm,
  createProgress,
  listFromHub,
  openApi,
  toCount,
  writeDryRun,
} from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, writeRecord, writeRows } from '../output.ts'

export function addMoves(program: Command, io: Io): void {
  const moves = program
    .command('moves')
    .description('moves of people from a provider that ends to its successor')
  addStart(moves, io)
  addList(moves, io)
  addUsers(moves, io)
  addLinks(moves, io)
  addActions(moves, io)
}

const MOVE = z.looseObject({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  kind: z.string(),
  status: z.string(),
  progress: z.record(z.string(), z.number()),
})
const PLAN = z.looseObject({ obstacles: z.array(z.string()) })
const STARTED = z.object({ plan: PLAN, move: MOVE.nullable() })

interface StartFlags extends HubFlags, ChangeFlags {
  readonly perMinute?: number
}

function addStart(moves: Command, io: Io): void {
  const command = moves
    .command('start')
    .description('start moving everybody, or take up whoever has connected since')
    .argument('<provider>', 'the one that ends: FITBIT, GARMIN_OAUTH1')
    .option('--per-minute <count>', 'exchanges of tokens in a minute (default 60)', toCount)
  addConfirmation(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma moves start FITBIT --dry-run
  firma moves start GARMIN_OAUTH1 --per-minute 120 --yes

Where the provider exchanges tokens (GARMIN_OAUTH1) nobody has to do anything. Elsewhere each person gets a link: firma moves links.`,
    )
    .action(async (provider: string, flags: StartFlags) => {
      const api = openApi(io, flags)
      const body = { from: provider, per_minute: flags.perMinute }
      const path = '/admin/v1/moves'
      const { plan } = STARTED.parse(await api.send('POST', path, { ...body, dry_run: true }))
      if (flags.dryRun === true) {
        writeRecord(io, flags, { dry_run: true, ...plan })
        if (plan.obstacles.length > 0) io.exitCode = EXIT.failed
        return
      }
      await confirm(io, flags, `This moves ${String(plan['total'])} users to ${String(plan['to'])}`)
      const { move } = STARTED.parse(await api.send('POST', path, body))
      if (move !== null) writeRecord(io, flags, toRow(move))
    })
}

/** The numbers beside the rest, so that a table shows them. */
function toRow({ progress, ...move }: z.output<typeof MOVE>) {
  return { ...move, ...progress }
}

const COUNTS = ['total', 'connected', 'linked', 'failed', 'to_do', 'gone']

function addList(moves: Command, io: Io): void {
  addHubFlags(moves.command('list').description('list moves and how far they are, newest first'))
    .addHelpText('after', '\nExamples:\n  firma moves list')
    .action(async (flags: HubFlags) => {
      const answer = await openApi(io, flags).get('/admin/v1/moves')
      const { data } = z.object({ data: z.array(MOVE) }).parse(answer)
      const counts = COUNTS.map((key) => ({ key, title: key.replace('_', ' ') }))
      writeRows(io, flags, {
        rows: data.map(toRow),
        columns: [{ key: 'id' }, { key: 'from' }, { key: 'to' }, { key: 'status' }, ...counts],
        empty: 'Nobody is being moved. Start with: firma moves start FITBIT --dry-run',
      })
    })
}

function addUsers(moves: Command, io: Io): void {
  addHubFlags(
    addPageFlags(
      moves
        .command('users')
        .description('list the people of a move: who has arrived, what failed and why')
        .argument('<move-id>', 'as firma moves list shows it')
        .addOption(
          new Option('--state <state>', 'only these').choices([
            'to_do',
            'linked',
            'failed',
            'connected',
            'gone',
          ]),
        ),
    ),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  firma moves users 0198f0c4-7a2e-7000-8000-000000000000 --state failed --all',
    )
    .action(async (id: string, flags: HubFlags & PageFlags & { state?: string }) => {
      await listFromHub(io, flags, {
        path: `/admin/v1/moves/${encodeURIComponent(id)}/users`,
        query: { state: flags.state },
        columns: [
          { key: 'user_id', title: 'user id' },
          { key: 'reference_id', title: 'reference id' },
          { key: 'state' },
          { key: 'attempts' },
          { key: 'next_attempt_at', title: 'next attempt' },
          { key: 'detail' },
        ],
        empty: 'Nobody.',
      })
    })
}

interface LinkFlags extends HubFlags, ChangeFlags {
  readonly days?: number
  readonly reference?: string
  readonly renew?: boolean
  readonly language?: string
  readonly successUrl?: string
  readonly failureUrl?: string
}

const LINKS = z.object({
  data: z.array(
    z.object({
      user_id: z.string(),
      reference_id: z.string().nullable(),
      url: z.string(),
      expires_at: z.string(),
    }),
  ),
  next: z.string().nullable(),
})

function addLinks(moves: Command, io: Io): void {
  const command = moves
    .command('links')
    .description('make a link for everybody who has none, to be sent to them')
    .argument('<move-id>', 'as firma moves list shows it')
    .option('--days <count>', 'how long they are good (default 14, at most 60)', toCount)
    .option('--reference <reference-id>', 'for this person only')
    .option('--renew', 'also for those who have one: the earlier link ends')
    .option('--language <language>', 'of the page: en, de, …')
    .option('--success-url <url>', 'where the browser goes when it is done')
    .option('--failure-url <url>', 'where it goes when it came to nothing')
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma moves links 0198f0c4-7a2e-7000-8000-000000000000 --format csv > links.csv
  firma moves links 0198f0c4-7a2e-7000-8000-000000000000 --reference tony_stark --days 2

Links are shown this once. If the command is cut off, run it again with --renew, or with --reference for single people.`,
    )
    .action(async (id: string, flags: LinkFlags) => await makeLinks(io, id, flags))
}

async function makeLinks(io: Io, id: string, flags: LinkFlags): Promise<void> {
  const api = openApi(io, flags)
  const path = `/admin/v1/moves/${encodeURIComponent(id)}`
  if (flags.dryRun === true) {
    const { progress } = MOVE.parse(await api.get(path))
    writeRecord(io, flags, { dry_run: true, ...progress })
    return
  }
  const rows: z.output<typeof LINKS>['data'] = []
  const progress = createProgress(io)
  let after: string | null | undefined
  do {
    const page = LINKS.parse(
      await api.send('POST', `${path}/links`, {
        after: after ?? undefined,
        days: flags.days,
        reference_id: flags.reference,
        renew: flags.renew,
        language: flags.language,
        auth_success_redirect_url: flags.successUrl,
        auth_failure_redirect_url: flags.failureUrl,
      }),
    )
    rows.push(...page.data)
    after = page.next
    progress.show(`${rows.length} links made …`)
  } while (after !== null)
  progress.end()
  writeRows(io, flags, {
    rows,
    columns: [
      { key: 'reference_id', title: 'reference id' },
      { key: 'user_id', title: 'user id' },
      { key: 'url' },
      { key: 'expires_at', title: 'expires' },
    ],
    empty: 'Everybody has a link, or needs none.',
  })
  if (toFormat(io, flags) === 'table' && rows.length > 0) {
    io.out('\nKeep them as secret as passwords: whoever opens one connects for that person.\n')
  }
}

const ACTIONS = {
  pause: 'pause a move: no exchanges, and links do not open',
  resume: 'go on with a paused move',
  retry: 'try again now what has failed',
  end: 'end a move; whoever has not moved stays where they are',
} as const

function addActions(moves: Command, io: Io): void {
  for (const [action, description] of Object.entries(ACTIONS)) {
    const isFinal = action === 'end'
    const command = moves
      .command(action)
      .description(description)
      .argument('<move-id>', 'as firma moves list shows it')
    addHubFlags(isFinal ? addConfirmation(command) : addDryRun(command))
      .addHelpText(
        'after',
        `\nExamples:\n  firma moves ${action} 0198f0c4-7a2e-7000-8000-000000000000`,
      )
      .action(async (id: string, flags: HubFlags & ChangeFlags) => {
        const api = openApi(io, flags)
        const path = `/admin/v1/moves/${encodeURIComponent(id)}/${action}`
        if (isFinal || flags.dryRun === true) await api.rehearse('POST', path, {})
        if (flags.dryRun === true) {
          return writeDryRun(io, flags, `${action} the move ${id}`, { move_id: id })
        }
        if (isFinal) await confirm(io, flags, 'Links of this move open no more, for good')
        writeRecord(io, flags, toRow(MOVE.parse(await api.send('POST', path, {}))))
      })
  }
}
