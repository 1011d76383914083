const LENGTH_MAX = 300

/** What is logged of an error: drivers put values of rows into its other fields. */
export function toErrorText(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(
    0,
    LENGTH_MAX,
  )
}
