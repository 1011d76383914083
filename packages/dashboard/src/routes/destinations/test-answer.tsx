import type { OperationAnswer } from 'firma/client'

type Attempt = OperationAnswer<'POST /admin/v1/destinations/{destination_id}/test'>

/** What a destination said to a test. */
export function TestAnswer({ attempt, url }: { readonly attempt: Attempt; readonly url: string }) {
  const { http_status, error, duration_ms, response_body } = attempt
  const isGood = http_status !== null && http_status >= 200 && http_status < 300
  return (
    <div role="status" className="rounded-lg border border-line bg-paper p-3 text-sm">
      <p className={isGood ? 'text-good' : 'text-bad'}>
        {http_status === null ? `No answer from ${url}` : `HTTP ${http_status}`} after {duration_ms}{' '}
        ms
      </p>
      {error !== null && <p className="mt-1">{error}</p>}
      {response_body !== null && response_body !== '' && (
        <p className="mt-1 font-mono text-xs break-all text-soft">{response_body}</p>
      )}
    </div>
  )
}
