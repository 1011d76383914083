import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { createSetupToken } from '../operations/operator-login.ts'
import { createLog } from '../system.ts'
import { type Demo, startDemo } from './demo.ts'
import { DEMO_REFERENCE_ID } from './demo-app.ts'
import { interrupted } from './interrupted.ts'
import { playStory, toTable } from './story.ts'

/**
 * Starts the demo, and either plays the story or serves until it is interrupted.
 *
 * @returns The exit code.
 */
export async function start(config: Config, options: { isScripted: boolean }): Promise<number> {
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
  const setupToken = await createSetupToken(demo.hub.deps)
  const setup =
    setupToken === undefined
      ? ''
      : `
  Set-up token         ${setupToken}
                       (chooses the operator's password, once; good for a day)`
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
