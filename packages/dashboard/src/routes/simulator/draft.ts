import type { ExampleName, GenerateBody } from '../../hooks/use-generate.ts'

/** An example as it is typed. */
export interface Draft {
  readonly example: ExampleName
  readonly userId: string
  readonly referenceId: string
  /** Empty for the example's own. */
  readonly provider: string
  /** Empty for all. */
  readonly destinationId: string
  /** JSON, or what shall become it; null where the example holds no health data. */
  readonly data: string | null
}

/** What the API is asked for, or what is wrong with the draft. */
export function toBody(draft: Draft): GenerateBody | Error {
  const { example, data } = draft
  const userId = draft.userId.trim()
  const referenceId = draft.referenceId.trim()
  try {
    return {
      example,
      ...(userId !== '' && { user_id: userId }),
      ...(referenceId !== '' && { reference_id: referenceId }),
      ...(draft.provider !== '' && { provider: draft.provider }),
      ...(draft.destinationId !== '' && { destination_id: draft.destinationId }),
      ...(data !== null && { data: JSON.parse(data) as unknown }),
    }
  } catch (error) {
    return new Error(`the data is not valid JSON: ${error instanceof Error ? error.message : ''}`)
  }
}
