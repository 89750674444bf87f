/**
 * Waits until every one has ended, and only then rejects with the first failure. What still runs behind the back of its
 * caller would run into a recovery that believes to be alone.
 */
export async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(works);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
