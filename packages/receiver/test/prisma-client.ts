/** Prisma's own client, as `prisma generate` makes it for a schema without models; its generator would have to be installed with engines that nobody needs. */
import { PrismaPg } from '@prisma/adapter-pg'
import { getPrismaClient } from '@prisma/client/runtime/client'
import type { Pool } from 'pg'
import type { PrismaDatabase, PrismaTransaction } from '../src/transactions.ts'

// In a variable: these modules have no types.
const compiler = '@prisma/client/runtime/query_compiler_fast_bg.postgresql'
// The types of Node 20 name only what is in it, and not the thing itself.
const { WebAssembly: assembly } = globalThis as unknown as {
  WebAssembly: { Module: new (bytes: Uint8Array) => WebAssembly.Module }
}

const Client = getPrismaClient({
  previewFeatures: [],
  clientVersion: '7.10.0',
  engineVersion: '7.10.0',
  activeProvider: 'postgresql',
  inlineSchema: 'datasource db {\n  provider = "postgresql"\n}\n',
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  // What the generator writes where there are no models.
  parameterizationSchema: { strings: [], graph: 'AAAA' },
  compilerWasm: {
    importName: './query_compiler_fast_bg.js',
    getRuntime: () => import(`${compiler}.mjs`),
    async getQueryCompilerWasmModule() {
      const { wasm } = await import(`${compiler}.wasm-base64.mjs`)
      return new assembly.Module(Buffer.from(wasm, 'base64'))
    },
  },
})

/** Opens a client over a pool. */
export function openPrisma(pool: Pool): PrismaDatabase<PrismaTransaction> {
  return new Client({ adapter: new PrismaPg(pool) })
}
