/** What a check found and, where something is wrong, what to do. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
  readonly todo: string
}

export function ok(check: string, found: string): Finding {
  return { check, status: 'ok', found, todo: '' }
}

export function warn(check: string, found: string, todo: string): Finding {
  return { check, status: 'warn', found, todo }
}

export function fail(check: string, found: string, todo: string): Finding {
  return { check, status: 'fail', found, todo }
}
