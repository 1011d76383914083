import { ApiError } from '../api.ts'

/**
 * An address can spell more than the API knows. What is not known is refused: leaving it out would show, and change,
 * more than the filter says.
 *
 * @throws ApiError that says what can be chosen.
 */
export function pickChoice<Choice extends string>(
  name: string,
  value: string,
  choices: readonly Choice[],
): Choice {
  const known = choices.find((one) => one === value)
  if (known !== undefined) return known
  const message = `${name} "${value}" cannot be used here; choose one of ${choices.join(', ')}`
  // As the API would: nobody has to try it again.
  const failure = { code: 'bad_request', requestId: null, retryAfterSeconds: null }
  throw new ApiError({ ...failure, status: 400, message })
}
