/** A process of the hub on a database: announces when it is told to, and delivers. */
import { emit, emitMany, openBenchHub } from './world.ts'

const [postgresUrl = '', users = '0'] = process.argv.slice(2)
const hub = await openBenchHub({ postgresUrl })
hub.start()
const world = { hub, users: Number(users) }

process.on('message', ({ from, count }: { from: number; count: number }) => {
  void emitMany(async (i) => await emit(world, from + i), count).then(() =>
    process.send?.({ done: true }),
  )
})
// Its parent has ended, in whatever way.
process.once('disconnect', () => void hub.close().then(() => process.exit()))
process.send?.({ ready: true })
