/** The tables of `hour-counts.ts`, as Kysely sees them. */
export interface CountSchema {
  event_count: {
    environment_id: string
    hour_ms: number
    type: string
    count: number
  }
  delivery_count: {
    destination_id: string
    hour_ms: number
    delivered: number
    failed: number
    lag_sum_ms: number
    lag_max_ms: number
  }
  delivery_uncounted: {
    destination_id: string
    delivery_id: number
  }
  count_cursor: {
    name: 'event' | 'delivery'
    seq: number
  }
}
