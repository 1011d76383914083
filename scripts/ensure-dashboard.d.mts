export function ensureDashboard(root: string): void
export function setup(): void
