/** What a run may be called: its name is a workflow id, a task queue's fairness key, and the name of folders. */

/** Bytes of the name as a folder bears it: file systems take 255, and files beside it add to theirs. */
const LONGEST = 200;

/** Why a run cannot have this name, in one sentence; null where it can. */
export function runIdProblem(id: string): string | null {
  if (id.trim() === '') return 'The name of a run must not be empty; give one such as my-run.';
  if (/[\u0000-\u001f\u007f]/.test(id)) return `The name of a run must be on one line: ${JSON.stringify(id)}.`;
  const bytes = folderName(id).length;
  if (bytes > LONGEST)
    return `The name of a run must take at most ${LONGEST} bytes, not ${bytes} (${id.slice(0, 20)}...); choose a shorter one.`;
  return null;
}

/** The name of a run's folders: without slashes, and neither `.` nor `..`. */
export function folderName(id: string): string {
  return encodeURIComponent(id.toWellFormed()).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}
