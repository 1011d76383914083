import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    globalSetup: ['scripts/ensure-dashboard.mjs'],
    setupFiles: ['scripts/jitter.mjs', 'scripts/seed-properties.ts', 'scripts/second-try.ts'],
    pool: 'forks',
    // For browsers and processes on a busy machine; what hangs is found out all the same.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 120_000,
    // A condition is waited for; how long that takes says something about the machine alone.
    expect: { poll: { timeout: 180_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: [
            'packages/*/src/**/*.test.{ts,tsx}',
            'packages/*/test/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
        },
      },
      {
        // Once more with the hub on PostgreSQL: whatever changes connections, and what attackers try.
        extends: true,
        test: {
          name: 'postgres',
          env: { FIRMA_TEST_ENGINE: 'postgres' },
          include: [
            'connect',
            'failed-connect',
            'disconnect',
            'notices',
            'twice',
            'attacks',
            'confirmation',
            'account-policy',
            'erase',
            'audit-chain',
            'refresh',
            'early-looks',
            'provider-moves',
            'idempotency',
            'hour-counts',
            'metrics',
            'restore',
          ].map((name) => `packages/hub/test/${name}.test.ts`),
        },
      },
    ],
  },
})
