import type { MurkyConfig } from './contract.js';
import { isLoopback } from './loopback.js';

/** Sentences for what is right key by key and wrong together. */
export function contradictions(config: MurkyConfig): string[] {
  const { http, pouringRain, cluster } = config;
  const found: string[] = [];
  if (!isLoopback(http.host) && http.accessTokenFile === null) {
    found.push(
      `http.host is ${http.host}, which other machines can reach, and there is no http.access-token-file; ` +
        'name a file with a token, or bind 127.0.0.1.',
    );
  }
  if (!isLoopback(pouringRain.host) && cluster.keyFile === null && !cluster.insecure) {
    found.push(
      `pouring-rain.host is ${pouringRain.host}, which other machines can reach, and there is no cluster.key-file; ` +
        'make a key with murky keygen, or set cluster.insecure to speak in clear.',
    );
  }
  if (pouringRain.multicastGroup !== null && cluster.keyFile === null && !cluster.insecure) {
    found.push(
      `pouring-rain.multicast-group is ${pouringRain.multicastGroup}, which other machines can hear, and there is no ` +
        'cluster.key-file; make a key with murky keygen, or set cluster.insecure to speak in clear.',
    );
  }
  if (cluster.writeQuorum !== 'majority' && cluster.writeQuorum > cluster.replicas) {
    found.push(
      `cluster.write-quorum is ${cluster.writeQuorum} and cluster.replicas is ${cluster.replicas}; ` +
        'a write cannot wait for more owners than there are.',
    );
  }
  if (cluster.registry === 'etcd' && cluster.etcdEndpoints.length === 0) {
    found.push('cluster.registry is "etcd", and cluster.etcd-endpoints names none.');
  }
  if (cluster.registry === 'etcd' && isAnyAddress(pouringRain.host) && pouringRain.advertise === null) {
    found.push(
      `cluster.registry is "etcd", and others are told there where to find this node, but pouring-rain.host is ` +
        `${pouringRain.host}; name an address in pouring-rain.advertise.`,
    );
  }
  if (cluster.registry !== 'etcd' && cluster.etcdEndpoints.length > 0) {
    found.push(
      `cluster.etcd-endpoints are named, but cluster.registry is "${cluster.registry}"; set it to "etcd" to use them.`,
    );
  }
  if ((cluster.etcdCertFile === null) !== (cluster.etcdKeyFile === null)) {
    found.push('cluster.etcd-cert-file and cluster.etcd-key-file belong together, and one of them is missing.');
  }
  if ((cluster.etcdUser === null) !== (cluster.etcdPasswordFile === null)) {
    found.push('cluster.etcd-user and cluster.etcd-password-file belong together, and one of them is missing.');
  }
  return found;
}

function isAnyAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
