/**
 * Node 22 warns that its own SQLite is experimental. Whoever runs a command can do nothing about that,
 * and would take it for a fault; every other warning is printed as before.
 */
const [print] = process.listeners('warning')
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name === 'ExperimentalWarning' && warning.message.startsWith('SQLite')) return
  print?.(warning)
})
