/** `firma audit`: who changed what. */
import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  type HubFlags,
  type PageFlags,
  addHubFlags,
  addPageFlags,
  listFromHub,
  openApi,
} from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord, writeRows } from '../output.ts'

type AuditFlags = HubFlags &
  PageFlags & {
    readonly log?: string
    readonly actor?: string
    readonly action?: string
    readonly subject?: string
  }

const LOGS = ['changes', 'traffic']

export function addAudit(program: Command, io: Io): void {
  const command = program
    .command('audit')
    .description('list who changed what in an environment, newest first')
    .addOption(
      new Option('--log <which>', 'traffic: links, callbacks, refreshes and revocations').choices(
        LOGS,
      ),
    )
    .option('--actor <who>', 'changes by this one')
    .option('--action <action>', 'this kind of change, for example key.create')
    .option('--subject <id>', 'changes of this key, destination, …')
  addHubFlags(addPageFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma audit
  firma audit --action key.create --all --format csv
  firma audit --log traffic --subject 4735eac4-31a2-47ef-8b11-51e98d84c680`,
    )
    .action(async (flags: AuditFlags) => {
      const { log, actor, action, subject } = flags
      await listFromHub(io, flags, {
        path: '/admin/v1/audit',
        query: { log, actor, action, subject },
        columns: [
          { key: 'created_at', title: 'when' },
          { key: 'actor' },
          { key: 'action' },
          { key: 'subject' },
          { key: 'detail' },
        ],
        empty: 'Nothing was changed.',
      })
    })
  addVerify(command, io)
}

const VERDICT = z.looseObject({
  intact: z.boolean(),
  chains: z.array(
    z.looseObject({
      dev_id: z.string().nullable(),
      log: z.string(),
      verified: z.number(),
      unprotected: z.number(),
      head: z.object({ seq: z.number(), link: z.string() }).nullable(),
      finding: z
        .object({
          kind: z.string(),
          audit_id: z.string().nullable(),
          seq: z.number().nullable(),
        })
        .nullable(),
    }),
  ),
})

function addVerify(audit: Command, io: Io): void {
  const verify = audit
    .command('verify')
    .description('check that nobody has changed, removed or inserted entries in the database')
    .addOption(
      new Option('--log <which>', 'only this log, changes or traffic (default both)').choices(LOGS),
    )
  addHubFlags(verify)
    .addHelpText(
      'after',
      `
Examples:
  firma audit verify
  firma audit verify --log changes
  firma audit verify --json | jq '.chains[].head'

It ends with 0 when every entry is as it was written, and with 1 otherwise.`,
    )
    .action(async () => {
      // Flags that both have are read by the one above.
      const flags: AuditFlags = verify.optsWithGlobals()
      const answer = await openApi(io, flags).get('/admin/v1/audit/verify', {
        log: flags.log,
      })
      const { intact, chains } = VERDICT.parse(answer)
      if (!intact) io.exitCode = EXIT.failed
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, toRow(answer))
      writeRows(io, flags, {
        rows: chains.map(({ dev_id, log, verified, unprotected, head, finding }) => ({
          log: `${dev_id ?? 'the hub'}, ${log}`,
          verified,
          unprotected,
          head: head === null ? '–' : `${head.seq}:${head.link}`,
          finding:
            finding === null
              ? 'none'
              : `${finding.kind}: ${finding.audit_id ?? `number ${finding.seq ?? '–'}`}`,
        })),
        columns: [
          { key: 'log' },
          { key: 'verified', align: 'right' },
          { key: 'unprotected', align: 'right' },
          { key: 'finding' },
          { key: 'head', title: 'newest link' },
        ],
        empty: '',
      })
    })
}
