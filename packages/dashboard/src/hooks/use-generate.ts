import type { OperationInput } from 'firma/client'
import { api } from '../api.ts'
import { useChange } from './use-change.ts'

type Body = OperationInput<'POST /admin/v1/events/generate'>['body']
export type DataType = Body['type']

export const DATA_TYPES = [
  'activity',
  'athlete',
  'body',
  'daily',
  'hormone',
  'menstruation',
  'nutrition',
  'planned_workout',
  'sleep',
] as const satisfies readonly DataType[]

/** Announces data for a user, as if its provider had sent it. */
export function useGenerate() {
  return useChange(async (body: Body) => await api.call('POST /admin/v1/events/generate', { body }))
}
