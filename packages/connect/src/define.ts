/**
 * For pages without a build, as the hub serves it: makes `<firma-connect>` known. On the page that the
 * hub sends the browser back to, call {@link reportReturn}.
 */
import { defineFirmaConnect } from './element.ts'

export { readResult } from './result.ts'
export { reportReturn } from './return.ts'

defineFirmaConnect()
