// `npm run docs:generate`: renews what the documents have from the code.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { readDocuments } from './docs/documents.ts'
import { renewGenerated } from './docs/generated.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const documents = readDocuments(root, ['docs/configuration.md', 'docs/cli.md', 'docs/providers.md'])
for (const [file, text] of renewGenerated(documents)) writeFileSync(path.join(root, file), text)
