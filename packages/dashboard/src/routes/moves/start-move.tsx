import { useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { SelectField, TextField } from '../../components/field.tsx'
import { Loading } from '../../components/states.tsx'
import { toCount } from '../../format.ts'
import { useStartMove } from '../../hooks/use-moves.ts'
import { useProviders } from '../../hooks/use-settings.ts'

/** The API's own default and bound. */
const PER_MINUTE = 60
const PER_MINUTE_MAX = 6_000

/** Says first what it would do, by a dry run; then starts it. */
export function StartMove({ onClose }: { readonly onClose: () => void }) {
  const providers = useProviders()
  const ending = providers.rows.filter(({ successor }) => successor !== null)
  const [chosen, setChosen] = useState('')
  const from = chosen || (ending.find(({ enabled }) => enabled) ?? ending[0])?.provider
  const [perMinute, setPerMinute] = useState(PER_MINUTE)
  const { plan, error } = usePlan(from)
  const start = useStartMove()
  const [, navigate] = useLocation()
  const submit = (): void => {
    if (from === undefined) return
    start.mutate(
      { from, perMinute, isDryRun: false },
      { onSuccess: ({ move }) => move !== null && navigate(`/moves/${move.id}`) },
    )
  }
  return (
    <Dialog title="Start a move" onClose={onClose}>
      <DialogForm
        action={plan === undefined ? 'Start' : `Start with ${toCount(plan.total)}`}
        change={{ ...start, error: providers.error ?? error ?? start.error }}
        isDisabled={plan === undefined || plan.obstacles.length > 0}
        onSubmit={submit}
        onClose={onClose}
      >
        <SelectField
          label="From the provider that ends"
          value={from ?? ''}
          onChange={({ target }) => setChosen(target.value)}
        >
          {ending.map(({ provider, successor, retires_on }) => (
            <option key={provider} value={provider}>
              {provider} to {successor}
              {retires_on !== null && `, ends on ${retires_on}`}
            </option>
          ))}
        </SelectField>
        {plan?.kind === 'exchange' && (
          <TextField
            label="Exchanges in a minute"
            type="number"
            min={1}
            max={PER_MINUTE_MAX}
            required
            hint="Nobody has to do anything: tokens are turned into new ones, at this pace over all processes."
            value={perMinute}
            onChange={({ target }) => setPerMinute(Number(target.value))}
          />
        )}
        {plan === undefined && error === null && <Loading rows={3} />}
        {plan !== undefined && <Plan plan={plan} />}
      </DialogForm>
    </Dialog>
  )
}

/** What a move from there would do; undefined until that is known. */
function usePlan(from: string | undefined): { plan: Plan | undefined; error: unknown } {
  const { mutate, data, error } = useStartMove()
  useEffect(() => {
    if (from !== undefined) mutate({ from, isDryRun: true })
  }, [from, mutate])
  return { plan: data?.plan.from === from ? data?.plan : undefined, error }
}

type Plan = NonNullable<ReturnType<typeof useStartMove>['data']>['plan']

function Plan({ plan }: { readonly plan: Plan }) {
  const facts = {
    'To be moved': plan.total,
    'Named by your app': plan.with_reference_id,
    'There already': plan.connected_already,
  }
  return (
    <div className="space-y-3 text-sm">
      <dl className="grid grid-cols-3 gap-3 rounded-lg border border-line bg-paper p-3">
        {Object.entries(facts).map(([name, count]) => (
          <div key={name}>
            <dt className="text-xs text-soft">{name}</dt>
            <dd className="text-lg font-semibold tabular-nums">{toCount(count)}</dd>
          </div>
        ))}
      </dl>
      {plan.obstacles.length === 0 ? (
        <p className="text-soft">
          {plan.kind === 'reconnect' &&
            'Everybody has to agree once more, by a link of their own that you send them. '}
          Nothing has been changed yet.
        </p>
      ) : (
        <div className="rounded-lg border border-warn/50 bg-warn/10 p-3 text-warn">
          <p className="font-medium">To be done first</p>
          <ul className="mt-1 list-disc ps-5">
            {plan.obstacles.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  )
}
