export function nodeProblem(found: string, required: string): string | undefined
export function fingerprint(root: string): string | undefined
export function installReason(root: string): string | undefined
export function lockPath(root: string): string
export function isAbandoned(lock: string): boolean
export function ensureInstall(root: string): Promise<number>
