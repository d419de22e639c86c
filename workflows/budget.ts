/**
 * The budget of a run, kept exactly while many waves spend it at once: a wave may spend what the run has allowed it,
 * and asks for more.
 */
import { condition, defineSignal, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';

/**
 * What a wave tells its run. `counts`: of the wave so far. `wantsUsd`: what it would like to be allowed in addition to
 * what it was; `thoughtUsd`: the most that one thought may cost, null if the model's price is unknown. `stuck`: it
 * waits for an allowance, and none of its questions is open.
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
/** US dollars that a wave may have spent in all; null: any. */
const allowanceSignal = defineSignal<[number | null]>('allowance');

type OpenWave = WaveReport & { allowedUsd: number };

/** The run's side. */
export class RunBudget {
  readonly #waves = new Map<string, OpenWave>();
  readonly #before: () => { counts: CorrectorCounts; limitUsd: number | null };

  /** `before`: what the run's whole iterations took, and its limit now. */
  constructor(before: () => { counts: CorrectorCounts; limitUsd: number | null }) {
    this.#before = before;
  }

  /** Starts to handle the waves' reports; `onReport` is called after each. */
  listen(onReport: () => void): void {
    setHandler(waveReportSignal, (report) => {
      const known = this.#waves.get(report.wave);
      // One that was closed goes on as a new execution, which begins without an allowance.
      this.#waves.set(report.wave, {
        ...report,
        allowedUsd: known === undefined || known.closed ? (report.counts.costUsd ?? 0) : known.allowedUsd,
      });
      this.distribute();
      onReport();
    });
  }

  /** What the running iteration's waves took, as far as they have reported. */
  get running(): CorrectorCounts {
    return [...this.#waves.values()].reduce((sum, { counts }) => addCounts(sum, counts), NO_COUNTS);
  }

  /** Why nothing goes on, if so. */
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

  /** The limit is another now: what waves were allowed under the old one is taken back, so that they ask again. */
  limitChanged(): void {
    for (const wave of this.#waves.values())
      if (!wave.closed && wave.wantsUsd === 0) this.#allow(wave, wave.counts.costUsd ?? 0);
    this.distribute();
  }

  /** Allows waves what they want, as far as the limit goes. */
  distribute(): void {
    const { limitUsd } = this.#before();
    for (const wave of this.#waves.values()) {
      if (wave.closed || wave.wantsUsd === 0) continue;
      // What a stuck wave cannot use is there for others.
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

  /** Spent, or allowed to be. */
  #committed(): number {
    const waves = [...this.#waves.values()].map(({ closed, counts, allowedUsd }) =>
      closed ? (counts.costUsd ?? 0) : Math.max(counts.costUsd ?? 0, allowedUsd),
    );
    return waves.reduce((sum, usd) => sum + usd, this.#before().counts.costUsd ?? 0);
  }
}

/** Thoughts after which a wave tells the run what it took. */
const REPORT_EVERY = 25;

/** A wave's side. */
export class WavePurse {
  /** What the wave took. */
  counts: CorrectorCounts;
  readonly #runId: string;
  /** The most that one thought may cost; null: unknown. */
  #thoughtUsd: number | null = 0;
  readonly #openEpisodes: () => number;
  /** Null: any; at first nothing. */
  #allowedUsd: number | null = 0;
  #underWay = 0;
  #asked = false;
  #stuckReported = false;
  #sinceReport = 0;

  /** `counts`: of the wave before this execution. */
  constructor({ runId, counts, openEpisodes }: { runId: string; counts: CorrectorCounts; openEpisodes: () => number }) {
    this.#runId = runId;
    this.#openEpisodes = openEpisodes;
    this.counts = counts;
    setHandler(allowanceSignal, (usd) => {
      this.#allowedUsd = usd;
      this.#asked = this.#stuckReported = false;
    });
  }

  /** A review took this, and found thoughts of which one may cost `thoughtUsd`. */
  add(counts: CorrectorCounts, thoughtUsd: number | null): void {
    this.counts = addCounts(this.counts, counts);
    this.#thoughtUsd = this.#thoughtUsd === null || thoughtUsd === null ? null : Math.max(this.#thoughtUsd, thoughtUsd);
  }

  /** Resolves when one more thought may be paid for; `settle` must follow. */
  async take(): Promise<void> {
    while (!this.#suffices) {
      if (!this.#asked) await this.#ask(false);
      await condition(() => this.#suffices || (this.#underWay === 0 && !this.#stuckReported));
      if (!this.#suffices && this.#underWay === 0 && !this.#stuckReported) await this.#ask(true);
    }
    this.#underWay++;
  }

  /** A thought is judged, or was not; `counts`: what it took. */
  async settle(counts: CorrectorCounts | null): Promise<void> {
    this.#underWay--;
    if (counts === null) return;
    this.counts = addCounts(this.counts, counts);
    if (++this.#sinceReport >= REPORT_EVERY) await this.report(0);
  }

  /** Tells the run what was taken; `closed`: no more will be, by this execution. */
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
    // Room for two thoughts of each open episode: fewer questions to the run, and not much that others could have had.
    await this.report(2 * this.#openEpisodes() * (this.#thoughtUsd ?? 1), { stuck });
  }
}
