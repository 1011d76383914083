import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEnvironment } from './use-environment.tsx'

/** A change through the API. What was read of the environment before is read again after it. */
export function useChange<Input, Answer>(change: (input: Input) => Promise<Answer>) {
  const client = useQueryClient()
  const { environment } = useEnvironment()
  return useMutation({
    mutationFn: change,
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['environment', environment.dev_id] }),
        client.invalidateQueries({ queryKey: ['environments'] }),
      ])
    },
  })
}
