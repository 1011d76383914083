import { type LiveState, useLive } from './live.tsx'

const LOOKS: Readonly<Record<LiveState, { name: string; dot: string; hint: string }>> = {
  live: {
    name: 'Live',
    dot: 'bg-good',
    hint: 'What happens is shown as it happens. Press to pause.',
  },
  connecting: { name: 'Connecting …', dot: 'bg-edge', hint: 'The stream is being opened.' },
  reconnecting: {
    name: 'Reconnecting …',
    dot: 'bg-warn animate-pulse',
    hint: 'The stream was cut off; it goes on where it ended. What is shown may be old.',
  },
  paused: { name: 'Paused', dot: 'bg-edge', hint: 'Nothing changes by itself. Press to go on.' },
}

/** Whether these pages follow what happens, and the switch for it. */
export function LiveButton() {
  const { state, setPaused } = useLive()
  const { name, dot, hint } = LOOKS[state]
  return (
    <>
      <button
        type="button"
        title={hint}
        aria-pressed={state !== 'paused'}
        onClick={() => setPaused(state !== 'paused')}
        className="inline-flex min-h-8 items-center gap-2 rounded-full border border-line bg-card px-3 text-xs font-medium whitespace-nowrap hover:border-edge"
      >
        <span aria-hidden="true" className={`size-2 rounded-full ${dot}`} />
        {name}
      </button>
      <span role="status" className="sr-only">
        {state === 'live' ? '' : name}
      </span>
    </>
  )
}
