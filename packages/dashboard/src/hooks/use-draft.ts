/** Settings of the environment as somebody changes them, while somebody else may do the same. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { OperationInput, Schemas } from 'firma/client'
import { useState } from 'react'
import { ApiError, api } from '../api.ts'
import { useEnvironment } from './use-environment.tsx'

export type EnvironmentChange = NonNullable<
  OperationInput<'PATCH /admin/v1/environments/{dev_id}'>['body']
>

/** How often a change is repeated that another one, of something else, was faster than. */
const ATTEMPTS_MAX = 5

/** Somebody else has changed what this form shows. */
export class Collision extends Error {
  override readonly name = 'Collision'
  readonly present: Schemas['Environment']

  constructor(present: Schemas['Environment']) {
    super('Somebody else has changed this meanwhile. Yours is not saved.')
    this.present = present
  }
}

/** What a form of settings needs to be saved. */
export interface DraftForm {
  readonly change: {
    readonly isPending: boolean
    readonly isSuccess: boolean
    readonly error: unknown
  }
  readonly save: () => void
  /** What to do where somebody else was faster; undefined where nobody was. */
  readonly collision: { readonly takeTheirs: () => void; readonly keepMine: () => void } | undefined
}

/**
 * A part of the environment's settings, in a form.
 *
 * Saving overwrites only what the form has shown: the hub is asked what is there now, and told (`If-Match`) that the
 * change is of that version. What others change elsewhere in the settings does not get in the way.
 *
 * @param read Takes the part from the environment.
 * @param toChange What is sent to save it.
 */
export function useDraft<Part>(
  read: (environment: Schemas['Environment']) => Part,
  toChange: (part: Part) => EnvironmentChange,
): DraftForm & { readonly draft: Part; readonly set: (some: Partial<Part>) => void } {
  const { environment } = useEnvironment()
  const client = useQueryClient()
  const [base, setBase] = useState(() => read(environment))
  const [draft, setDraft] = useState(base)
  const present = read(environment)
  const show = (now: Schemas['Environment']): void => {
    client.setQueryData<Schemas['Environment'][]>(['environments'], (known) =>
      known?.map((one) => (one.dev_id === now.dev_id ? now : one)),
    )
  }
  const adopt = (part: Part): void => {
    setBase(part)
    setDraft(part)
  }
  // Nothing was typed yet, so there is nothing to lose.
  if (isSame(draft, base) && !isSame(present, base)) adopt(present)
  const change = useMutation({
    mutationFn: async (shown: Part) => {
      const body = toChange(draft)
      return await changeUnseen(environment.dev_id, body, (now) => isSame(read(now), shown))
    },
    onSuccess: async (saved) => {
      // First of all, or the form would take up what was there before once more.
      show(saved)
      adopt(read(saved))
      await client.invalidateQueries({ queryKey: ['environments'] })
      await client.invalidateQueries({ queryKey: ['environment', environment.dev_id] })
    },
  })
  const collision = change.error instanceof Collision ? change.error.present : undefined
  return {
    draft,
    set: (some: Partial<Part>) => {
      // What was said of the last saving is not true of this draft.
      if (change.isSuccess) change.reset()
      setDraft({ ...draft, ...some })
    },
    change,
    save: () => change.mutate(base),
    collision: collision && {
      takeTheirs: () => {
        show(collision)
        adopt(read(collision))
        change.reset()
        void client.invalidateQueries({ queryKey: ['environments'] })
      },
      keepMine: () => {
        setBase(read(collision))
        change.mutate(read(collision))
      },
    },
  }
}

/** Changes the environment while it still has what was shown of it. @throws Collision */
async function changeUnseen(
  devId: string,
  body: EnvironmentChange,
  isAsShown: (now: Schemas['Environment']) => boolean,
): Promise<Schemas['Environment']> {
  const path = { dev_id: devId }
  for (let attempt = 1; ; attempt += 1) {
    const { data, headers } = await api.send('GET /admin/v1/environments/{dev_id}', { path })
    if (!isAsShown(data)) throw new Collision(data)
    const version = { 'if-match': headers.get('etag') ?? '' }
    try {
      return await api.call(
        'PATCH /admin/v1/environments/{dev_id}',
        { path, body },
        { headers: version },
      )
    } catch (error) {
      const isOld = error instanceof ApiError && error.code === 'precondition_failed'
      if (!isOld || attempt >= ATTEMPTS_MAX) throw error
    }
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
