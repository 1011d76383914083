// `courier-thread.ts` where the hub runs from its sources: a thread does not inherit what reads TypeScript.
import { register } from 'tsx/esm/api'

register()
await import('./courier-thread.ts')
