/**
 * The budget of a run, kept exactly while many waves spend it at once: a wave may spend what the run has allowed it,
 * and can ask for more.
 */
import { condition, defineSignal, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';

/**
 * A wave's report to its run. `counts`: those of the wave so far. `wantsUsd`: the additional allowance that it asks
 * for; `thoughtUsd`: the most that one thought may cost, null if the model's price is unknown. `stuck`: it waits for an
 * allowance, and none of its questions is open.
 */
export type WaveReport = {
  wave: string;
  counts: CorrectorCounts;
  wantsUsd: number;
  thoughtUsd: number | null;
  stuck: boolean;
  closed: boolean;
};

const waveReportSignal = defineSignal<[WaveReport]>('waveReport');
/** US dollars that a wave may spend in total; null: any. */
const allowanceSignal = defineSignal<[number | null]>('allowance');

type OpenWave = WaveReport & { allowedUsd: number };

/** The run's side. */
export class RunBudget {
  readonly #waves = new Map<string, OpenWave>();
  readonly #before: () => { counts: CorrectorCounts; limitUsd: number | null };

  /** `before`: the cost of the run's whole iterations, and its current limit. */
  constructor(before: () => { counts: CorrectorCounts; limitUsd: number | null }) {
    this.#before = before;
  }

  /** Starts to handle the waves' reports; `onReport` is called after each. */
  listen(onReport: () => void): void {
    setHandler(waveReportSignal, (report) => {
      const known = this.#waves.get(report.wave);
      // A wave that was closed continues as a new execution, which begins without an allowance.
      this.#waves.set(report.wave, {
        ...report,
        allowedUsd: known === undefined || known.closed ? (report.counts.costUsd ?? 0) : known.allowedUsd,
      });
      this.distribute();
      onReport();
    });
  }

  /** The costs that the running iteration's waves have reported. */
  get running(): CorrectorCounts {
    return [...this.#waves.values()].reduce((sum, { counts }) => addCounts(sum, counts), NO_COUNTS);
  }

  /** Why all waves are stuck, if they are. */
  get problem(): string | null {
    const { limitUsd } = this.#before();
    const open = [...this.#waves.values()].filter(({ closed }) => !closed);
    if (limitUsd === null || open.length === 0 || open.some(({ stuck, wantsUsd }) => !stuck || wantsUsd === 0))
      return null;
    const raise = '`gtr set RUN corrector.budgetUsd=...` raises or (null) lifts it';
    if (open.some(({ thoughtUsd }) => thoughtUsd === null))
      return (
        `the price of the corrector's model is unknown, so that corrector.budgetUsd ($${limitUsd}) cannot be ` +
        `kept; ${raise}`
      );
    return (
      `the budget of $${limitUsd} (corrector.budgetUsd) is spent up to what one more thought may cost: ` +
      `$${this.#spent().toFixed(4)}; ${raise}`
    );
  }

  /** Changes the limit: allowances under the old one are withdrawn, so that waves ask again. */
  limitChanged(): void {
    for (const wave of this.#waves.values())
      if (!wave.closed && wave.wantsUsd === 0) this.#allow(wave, wave.counts.costUsd ?? 0);
    this.distribute();
  }

  /** Allows waves what they ask for, up to the limit. */
  distribute(): void {
    const { limitUsd } = this.#before();
    for (const wave of this.#waves.values()) {
      if (wave.closed || wave.wantsUsd === 0) continue;
      // What a stuck wave cannot use is available to others.
      if (wave.stuck) wave.allowedUsd = wave.counts.costUsd ?? 0;
      if (limitUsd !== null && wave.thoughtUsd === null) continue;
      const free = limitUsd === null ? Infinity : limitUsd - this.#committed();
      if (free < (wave.thoughtUsd ?? 0)) continue;
      this.#allow(wave, limitUsd === null ? null : wave.allowedUsd + Math.min(wave.wantsUsd, free));
    }
  }

  /** The iteration is over: its counts are now part of the counts before. */
  reset(): void {
    this.#waves.clear();
  }

  #allow(wave: OpenWave, usd: number | null): void {
    wave.allowedUsd = usd ?? wave.counts.costUsd ?? 0;
    wave.wantsUsd = 0;
    wave.stuck = false;
    void getExternalWorkflowHandle(wave.wave)
      .signal(allowanceSignal, usd)
      .catch(() => {}); // it may have closed
  }

  #spent(): number {
    return (this.#before().counts.costUsd ?? 0) + (this.running.costUsd ?? 0);
  }

  /** Spent or allowed. */
  #committed(): number {
    const waves = [...this.#waves.values()].map(({ closed, counts, allowedUsd }) =>
      closed ? (counts.costUsd ?? 0) : Math.max(counts.costUsd ?? 0, allowedUsd),
    );
    return waves.reduce((sum, usd) => sum + usd, this.#before().counts.costUsd ?? 0);
  }
}

/** Number of thoughts after which a wave reports to the run. */
const REPORT_EVERY = 25;

/** A wave's side. */
export class WavePurse {
  /** The cost of the wave. */
  counts: CorrectorCounts;
  readonly #runId: string;
  /** The most that one thought may cost; null: unknown. */
  #thoughtUsd: number | null = 0;
  readonly #openEpisodes: () => number;
  /** The allowance. Null: any; 0 at first. */
  #allowedUsd: number | null = 0;
  #underWay = 0;
  #asked = false;
  #stuckReported = false;
  #sinceReport = 0;

  /** `counts`: those of the wave before this execution. */
  constructor({ runId, counts, openEpisodes }: { runId: string; counts: CorrectorCounts; openEpisodes: () => number }) {
    this.#runId = runId;
    this.#openEpisodes = openEpisodes;
    this.counts = counts;
    setHandler(allowanceSignal, (usd) => {
      this.#allowedUsd = usd;
      this.#asked = this.#stuckReported = false;
    });
  }

  /** Adds the cost of a review, which found thoughts that may cost `thoughtUsd` each. */
  add(counts: CorrectorCounts, thoughtUsd: number | null): void {
    this.counts = addCounts(this.counts, counts);
    this.#thoughtUsd = this.#thoughtUsd === null || thoughtUsd === null ? null : Math.max(this.#thoughtUsd, thoughtUsd);
  }

  /** Resolves when one more thought may be paid for; call `settle` afterwards. */
  async take(): Promise<void> {
    while (!this.#suffices) {
      if (!this.#asked) await this.#ask(false);
      await condition(() => this.#suffices || (this.#underWay === 0 && !this.#stuckReported));
      if (!this.#suffices && this.#underWay === 0 && !this.#stuckReported) await this.#ask(true);
    }
    this.#underWay++;
  }

  /** A thought was judged, or given up; `counts`: its cost. */
  async settle(counts: CorrectorCounts | null): Promise<void> {
    this.#underWay--;
    if (counts === null) return;
    this.counts = addCounts(this.counts, counts);
    if (++this.#sinceReport >= REPORT_EVERY) await this.report(0);
  }

  /** Reports the cost to the run; `closed`: this execution will spend no more. */
  async report(wantsUsd: number, { stuck = false, closed = false } = {}): Promise<void> {
    this.#sinceReport = 0;
    await getExternalWorkflowHandle(this.#runId).signal(waveReportSignal, {
      wave: workflowInfo().workflowId,
      counts: this.counts,
      wantsUsd,
      thoughtUsd: this.#thoughtUsd,
      stuck,
      closed,
    });
  }

  get #suffices(): boolean {
    if (this.#allowedUsd === null) return true;
    return (
      this.#thoughtUsd !== null &&
      (this.counts.costUsd ?? 0) + (this.#underWay + 1) * this.#thoughtUsd <= this.#allowedUsd
    );
  }

  async #ask(stuck: boolean): Promise<void> {
    this.#asked = true;
    this.#stuckReported = stuck;
    // Enough for two thoughts of each open episode: few requests to the run, without holding back much from others.
    await this.report(2 * this.#openEpisodes() * (this.#thoughtUsd ?? 1), { stuck });
  }
}
