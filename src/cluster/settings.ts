/** What all nodes of a cluster have to be configured with alike; they tell each other, and warn where they differ. */
export interface Settings {
  readonly replicas: number;
  readonly writeQuorum: number | 'majority';
  readonly graceSeconds: number;
}

/** `cluster.replicas is 3 here and 5 there`, one for each that differs. */
export function differences(here: Settings, there: Settings): string[] {
  const keys = { replicas: 'replicas', writeQuorum: 'write-quorum', graceSeconds: 'grace-seconds' } as const;
  return (Object.keys(keys) as (keyof Settings)[])
    .filter((key) => here[key] !== there[key])
    .map((key) => `cluster.${keys[key]} is ${here[key]} here and ${there[key]} there`);
}
