/** The names that a run may have: the name is a workflow id, the fairness key of task queues, and a folder name. */

/** The most bytes of the folder name: file systems allow 255, and files beside the folder append to it. */
const LONGEST = 200;

/** Why a run cannot have this name, in one sentence; null if it can. */
export function runIdProblem(id: string): string | null {
  if (id.trim() === '') return 'The name of a run must not be empty; give one such as my-run.';
  if (/[\u0000-\u001f\u007f]/.test(id)) return `The name of a run must be a single line: ${JSON.stringify(id)}.`;
  if (id.includes('"')) return `The name of a run must hold no double quote: Temporal cannot search for ${id}.`;
  const bytes = folderName(id).length;
  if (bytes > LONGEST)
    return (
      `The name of a run may have at most ${LONGEST} bytes, not ${bytes} (${id.slice(0, 20)}...); choose a ` +
      'shorter one.'
    );
  return null;
}

/** The name of a run's folders: without slashes, and neither `.` nor `..`. */
export function folderName(id: string): string {
  return encodeURIComponent(id.toWellFormed()).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}
