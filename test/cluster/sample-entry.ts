/** What a node says of itself in etcd, every field set. */
export const sampleEntry = {
  contact: { host: '10.0.0.9', port: 1980 },
  weight: 1,
  zone: 'rack',
  standby: false,
  left: false,
  settings: { replicas: 3, writeQuorum: 'majority', graceSeconds: 600 },
} as const;
