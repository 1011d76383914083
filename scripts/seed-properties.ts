// For every test file: properties draw their examples from the seed that was asked for.
import { givenSeed } from './given-seed.ts'

const seed = givenSeed()
// Loaded only then, because few test files need it.
if (seed !== undefined) (await import('fast-check')).configureGlobal({ seed })
