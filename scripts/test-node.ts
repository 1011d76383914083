// `npm run test:node -- 24 [filters]`: the tests on another major version of Node, which npx
// downloads from the npm registry. Nothing of it stays in the repository.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const [major = '', ...filters] = process.argv.slice(2)

if (/^\d+$/.test(major)) {
  console.log(`Running the tests on Node ${major} …`)
  const script = path.join(root, 'scripts/test.ts')
  // npx puts this Node first in PATH, so that commands which the tests start run on it too.
  const node = ['-y', '-p', `node@${major}`, 'node', '--conditions=source', '--import', 'tsx']
  const { status } = spawnSync('npx', [...node, script, ...filters], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  process.exitCode = status ?? 1
} else {
  console.error(`expected a major version of Node, found "${major}": npm run test:node -- 24`)
  process.exitCode = 2
}
