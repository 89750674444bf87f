/** What a request of the transport carries behind its kind. */
export const MAX_MESSAGE_BYTES = 1331;
