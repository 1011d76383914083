import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The name under which the hub serves the button to pages of any app; it must not change. */
const BUTTON = 'connect-button'

const SHARED = /packages\/dashboard\/src\/(?!routes\/|main|app|pages)|node_modules\/(?!uplot)/

export default defineConfig({
  base: '/dashboard/',
  publicDir: false,
  resolve: { conditions: ['source', 'module', 'browser', 'production'] },
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2022',
    // The hub's policy allows no inline code and no data: addresses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: {
        index: fileURLToPath(new URL('index.html', import.meta.url)),
        [BUTTON]: fileURLToPath(new URL('../connect/src/define.ts', import.meta.url)),
      },
      preserveEntrySignatures: 'allow-extension',
      output: {
        entryFileNames: ({ name }) => (name === BUTTON ? '[name].js' : 'assets/[name]-[hash].js'),
        // What pages share is one file, not thirty: each would be a request before the first rows.
        codeSplitting: { groups: [{ name: 'shared', test: SHARED }] },
      },
    },
  },
})
