/**
 * Entry `firma`: the hub as a library. The command of the same name is in `cli/`.
 *
 * @packageDocumentation
 */
export { openHub } from './hub.ts'
export type { Hub, HubOptions } from './hub.ts'
export type { FirmaConfig } from './config/config.ts'
export { FirmaError } from './errors.ts'
export type { ErrorCode } from './errors.ts'
export { enableDestination } from './operations/destinations.ts'
export {
  addDestination,
  createEnvironment,
  enableProvider,
  providerAddresses,
} from './operations/set-up.ts'
