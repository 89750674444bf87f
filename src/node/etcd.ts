import { readFileSync } from 'node:fs';
import type { MurkyConfig } from '../config/contract.js';
import { MurkyError } from '../errors.js';
import { EtcdClient } from '../etcd/etcd-client.js';

/** The etcd that the configuration names; undefined where another registry is used. MURKY_BAD_CONFIG for its files. */
export function configuredEtcd(cluster: MurkyConfig['cluster']): EtcdClient | undefined {
  if (cluster.registry !== 'etcd') return undefined;
  const { etcdCaFile, etcdCertFile, etcdKeyFile, etcdUser, etcdPasswordFile } = cluster;
  const tls = {
    ...(etcdCaFile !== null && { ca: read(etcdCaFile) }),
    ...(etcdCertFile !== null && { cert: read(etcdCertFile) }),
    ...(etcdKeyFile !== null && { key: read(etcdKeyFile) }),
  };
  const password = etcdPasswordFile === null ? '' : (read(etcdPasswordFile).split(/\r?\n/)[0] ?? '');
  return new EtcdClient({
    endpoints: cluster.etcdEndpoints,
    tls,
    ...(etcdUser !== null && { user: { name: etcdUser, password } }),
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new MurkyError('MURKY_BAD_CONFIG', `${file}, which is to be used with etcd, cannot be read (${why}).`, {
      cause,
    });
  }
}
