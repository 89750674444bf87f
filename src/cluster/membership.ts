import type { Address } from '../rain/contract.js';
import type { Contact } from './contact.js';
import type { Member, Peer } from './peers.js';

/** The numeric addresses of a contact, at least one; rejects where its name does not resolve (yet). */
export type Resolve = (contact: Contact) => Promise<readonly Address[]>;

export type MembershipEvent =
  /** Answers, after it was unknown or away; `first` if for the first time since this node started. */
  | { readonly kind: 'alive'; readonly member: Member; readonly first: boolean }
  /** Counts as failed from now on; it stays a member. */
  | { readonly kind: 'away'; readonly member: Member }
  /** Has said goodbye, and owns nothing any more. */
  | { readonly kind: 'left'; readonly member: Member }
  /** Another weight, zone or standby, or another node behind a listed contact: owners may be others now. */
  | { readonly kind: 'changed'; readonly member: Member };

/**
 * Who the nodes of the cluster are, and which of them are there. Every node has one; how it learns of the others is
 * the registry's affair.
 */
export interface Membership {
  /** Begins to answer and to look for others; those of an earlier run are members, away until they are heard from. */
  start(): Promise<void>;
  /** Ends without a word: to the others this node is away soon. Idempotent. */
  close(): Promise<void>;
  /** Another place where a node may be found; means nothing where a registry says where the others are. */
  addContact(contact: Contact): void;
  /** This node counts for so much from now on: the others hear of it. */
  reweigh(weight: number): void;
  /**
   * Tells the others that this node is gone for good, so that it owns nothing any more. Then only close() is left. Rejects
   * where no one has heard it: then it has not left.
   */
  leave(): Promise<void>;
  /** Every node that has said who it is and has not left, this one aside. */
  members(): Member[];
  /** All known, also those that have never answered and those that have left: for a status. */
  peers(): Peer[];
  /** Grows with every change of the members, and is the same at all nodes; undefined where there is no such order. */
  revision(): number | undefined;
  /** One sentence for each identity that two running nodes claim. */
  conflicts(): string[];
  /** One sentence for each thing that is wrong between this node and others, such as clocks or configurations. */
  warnings(): string[];
  /** Calls `listener` for every event, after the change; the returned function ends that. */
  on(listener: (event: MembershipEvent) => void): () => void;
}
