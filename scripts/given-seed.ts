/** Of CI: what it says of a change must not depend on what it drew. */
const CI_SEED = 1

/** The seed that `FIRMA_SEED` names; in CI always the same; undefined where each run is to draw a new one. */
export function givenSeed(): number | undefined {
  const given = process.env['FIRMA_SEED'] ?? ''
  if (given !== '') return Number(given)
  return (process.env['CI'] ?? '') === '' ? undefined : CI_SEED
}
