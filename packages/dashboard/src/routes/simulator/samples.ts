/** A plausible payload of each kind of data; whatever else is typed is sent as it is. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  activity: [{ metadata: { name: 'A walk around the block' }, distance_data: { steps: 1_200 } }],
  athlete: { first_name: 'Tony', sex: 'male' },
  body: [{ measurements_data: { measurements: [{ weight_kg: 71.4 }] } }],
  daily: [{ distance_data: { steps: 8_431 }, calories_data: { total_burned_calories: 2_310 } }],
  hormone: [{ metadata: { hormone: 'cortisol' } }],
  menstruation: [{ menstruation_data: { day_in_cycle: 12 } }],
  nutrition: [{ summary: { macros: { calories: 640, protein_g: 31 } } }],
  planned_workout: [{ metadata: { name: 'Intervals', estimated_duration_seconds: 2_700 } }],
  sleep: [{ sleep_durations_data: { asleep: { duration_asleep_state_seconds: 26_400 } } }],
}

/** JSON; null for what holds no health data. */
export function sampleOf(name: string): string | null {
  const sample = SAMPLES[name]
  return sample === undefined ? null : JSON.stringify(sample, null, 2)
}
