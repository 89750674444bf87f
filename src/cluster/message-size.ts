/** What a request of the cluster carries behind its kind, and an answer behind its status. */
export { MAX_BODY_BYTES as MAX_MESSAGE_BYTES } from '../rain/answer.js';
