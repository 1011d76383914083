/** A connect button for web apps. */
export { FirmaConnectElement, type FirmaConnectEvents, defineFirmaConnect } from './element.ts'
export { type ConnectResult, readResult } from './result.ts'
export { type ReportOptions, reportReturn } from './return.ts'
