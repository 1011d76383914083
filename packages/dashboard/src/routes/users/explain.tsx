import { Card } from '../../components/page.tsx'
import { Failure } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { useExplanation } from '../../hooks/use-users.ts'
import { Revocations } from './revocations.tsx'

/** Why a connection is as it is, and what to do about it. */
export function Explain({ userId }: { readonly userId: string }) {
  const { data, error } = useExplanation(userId)
  return (
    <Card title="Why, and what to do">
      {error !== null && <Failure error={error} />}
      {data !== undefined && (
        <div className="space-y-2 p-4 text-sm">
          <p>{data.why}</p>
          <p className="text-soft">{data.todo}</p>
          {data.tokens !== null && (
            <p className="text-xs text-soft">
              Tokens of <Time at={data.tokens.obtained_at} />, next refresh{' '}
              <Time at={data.tokens.next_refresh_at} />
              {data.tokens.failures > 0 && `, ${data.tokens.failures} failed refreshes`}
            </p>
          )}
          <Revocations revocations={data.revocations} />
        </div>
      )}
    </Card>
  )
}
