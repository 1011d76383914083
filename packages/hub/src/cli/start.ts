import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { FirmaError } from '../errors.ts'
import type { Hub } from '../hub.ts'
import { createSetupToken } from '../operations/operator-login.ts'
import { createLog } from '../system.ts'
import { withoutSecrets } from '../store/postgres-pool.ts'
import { type Demo, startDemo } from './demo.ts'
import { DEMO_REFERENCE_ID } from './demo-app.ts'
import { interrupted } from './interrupted.ts'
import { type Production, startProduction } from './production.ts'
import { playStory, toTable } from './story.ts'

/**
 * Starts the demo, and either plays the story or serves until it is interrupted; or the hub alone.
 *
 * @returns The exit code.
 */
export async function start(config: Config, options: { isScripted: boolean }): Promise<number> {
  if (config.mode === 'production') return await startAlone(config, options)
  const demo = await startDemo({ ...config, log: createLog(config.logLevel) })
  try {
    if (options.isScripted) return await play(demo)
    // Before the greeting invites to it.
    const isInterrupted = interrupted()
    console.log(await greeting(demo, config))
    await isInterrupted
    console.log('\nFinishing what is under way …')
    return 0
  } finally {
    await demo.close()
  }
}

async function startAlone(
  config: Config,
  { isScripted }: { isScripted: boolean },
): Promise<number> {
  if (isScripted) {
    const why = 'the story (--script) is played with simulated providers; leave out --production'
    throw new FirmaError('configuration_invalid', why)
  }
  const isInterrupted = interrupted()
  const production = await startProduction(config, createLog(config.logLevel))
  console.log(await productionGreeting(production, config))
  await isInterrupted
  console.log('\nFinishing what is under way …')
  await production.close()
  return 0
}

async function productionGreeting(production: Production, config: Config): Promise<string> {
  const { url, baseUrl, added, hub } = production
  const { file, dataFolder, databaseUrl, environments } = config
  const data =
    databaseUrl === undefined ? resolve(dataFolder) : withoutSecrets(databaseUrl.reveal())
  const setup = await describeSetup(hub, baseUrl, '         ')
  const ids = environments.map(({ id }) => id).join(', ')
  return `
Firma is running in production mode (ready in ${(performance.now() / 1_000).toFixed(1)} s).

  Listens at     ${url}
  Reached at     ${baseUrl}
  Data           ${data}
  Configuration  ${file ?? 'variables and flags'}
  Declared       ${ids === '' ? 'no environments' : ids}${added.map((each) => `\n  Added          ${each}`).join('')}${setup}

Stop with Ctrl+C.`
}

/** How the dashboard's password is chosen, while there is none. */
async function describeSetup(hub: Hub, baseUrl: string, gap: string): Promise<string> {
  const token = await createSetupToken(hub.deps)
  if (token === undefined) return ''
  // Behind the #, where no server and no log gets to see it.
  const label = `  Set up${gap}`
  return `
${label}${baseUrl}/dashboard/#${token}
${' '.repeat(label.length)}(choose the operator's password there, once; good for a day)`
}

async function play(demo: Demo): Promise<number> {
  const lines = await playStory(demo)
  console.log(toTable(lines))
  const wrong = lines.filter(({ isRight }) => !isRight).length
  console.log(wrong === 0 ? '\nEverything held.' : `\n${wrong} of ${lines.length} did not hold.`)
  return wrong === 0 ? 0 : 1
}

async function greeting(demo: Demo, config: Config): Promise<string> {
  // Since the process began: what a person has waited for.
  const tookMs = performance.now()
  const { devId, apiKey } = demo.credentials
  const setup = await describeSetup(demo.hub, demo.hubUrl, ' '.repeat(15))
  return `
Firma is running (ready in ${(tookMs / 1_000).toFixed(1)} s).

  Demo app             ${demo.appUrl}
  Hub and dashboard    ${demo.hubUrl}
  Simulated providers  ${demo.simulatorUrl}

  dev-id               ${devId}
  x-api-key            ${apiKey}${setup}
  Data                 ${resolve(config.dataFolder)}

Connect a watch as ${DEMO_REFERENCE_ID} (any user name works at the simulated providers; good for 15 minutes, once):

  ${await demo.client.createLink(DEMO_REFERENCE_ID)}

Stop with Ctrl+C.`
}
