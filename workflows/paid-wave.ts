/** Judges a wave by a paid teacher: a thought is an activity on the account's queue, episodes beside each other, in order within an episode. */
import { ActivityFailure, ApplicationFailure, continueAsNew, getExternalWorkflowHandle, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { CorrectEpisodesResult } from '../activities/correct-episodes-locally.ts';
import type { ThoughtActivities } from '../activities/correct-thought.ts';
import type { OpenWaveResult, WaveActivities } from '../activities/open-wave.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { CorrectorCounts } from '../learner/corrector-counts.ts';
import { WavePurse } from './budget.ts';
import { haltSignal, PauseGate } from './control.ts';
import type { correctWave, CorrectWaveInput } from './correct-wave.ts';
import { activityOptions } from './queues.ts';

/** What a wave that goes on as a new execution carries. `opened.open`: slots still open. `judged`: progress of the episodes that were asked about, by slot. */
export type CarriedWave = { opened: OpenWaveResult; judged: Record<number, ArtifactRef>; counts: CorrectorCounts; startedAt: number };

/** Events after which no further thought is begun and the wave goes on as a new execution: those of the thoughts under way are added. */
const MOST_EVENTS = 4000;

export async function judgePaidWave(input: CorrectWaveInput): Promise<CorrectEpisodesResult> {
  const startedAt = input.carried?.startedAt ?? Date.now();
  const gate = new PauseGate(input.paused);
  gate.listen();
  const opened = input.carried?.opened ?? (await orchestrator(input, 'what needs no question').openWave(openWaveInput(input)));
  const wave = new PaidWave(input, gate, opened);
  return await wave.execute(startedAt);
}

function openWaveInput({ config, iteration, wave }: CorrectWaveInput) {
  return { config, iteration, wave, payer: workflowInfo().workflowId };
}

function orchestrator({ config, wave }: CorrectWaveInput, summary: string) {
  return proxyActivities<WaveActivities>({ ...activityOptions('orchestrator', workflowInfo(), config.durability.heartbeatSeconds), summary: `wave ${wave.wave}: ${summary}` });
}

class PaidWave {
  readonly #input: CorrectWaveInput;
  readonly #gate: PauseGate;
  readonly #opened: OpenWaveResult;
  readonly #open: Set<number>;
  readonly #judged: Record<number, ArtifactRef>;
  readonly #purse: WavePurse;

  constructor(input: CorrectWaveInput, gate: PauseGate, opened: OpenWaveResult) {
    this.#input = input;
    this.#gate = gate;
    this.#opened = opened;
    this.#open = new Set(opened.open);
    this.#judged = { ...input.carried?.judged };
    this.#purse = new WavePurse({ runId: input.runId, thoughtUsd: opened.thoughtUsd, counts: input.carried?.counts ?? opened.counts, openEpisodes: () => this.#open.size });
  }

  async execute(startedAt: number): Promise<CorrectEpisodesResult> {
    await Promise.all([...this.#open].map((slot) => this.#judgeEpisode(slot)));
    await this.#purse.report(0, { closed: true });
    const { counts } = this.#purse;
    if (this.#open.size > 0) {
      const carried = { opened: { ...this.#opened, open: [...this.#open] }, judged: this.#judged, counts, startedAt };
      return await continueAsNew<typeof correctWave>({ ...this.#input, paused: this.#gate.paused, carried });
    }
    const closed = await orchestrator(this.#input, 'verdicts').closeWave({ context: this.#opened.context, judged: this.#judged });
    return { ...closed, counts, seconds: (Date.now() - startedAt) / 1000 };
  }

  /** Thought by thought, until the episode is judged or this execution has enough events. */
  async #judgeEpisode(slot: number): Promise<void> {
    const { context } = this.#opened;
    while (workflowInfo().historyLength < MOST_EVENTS) {
      await this.#gate.pass();
      await this.#purse.take();
      if (this.#gate.paused) {
        await this.#purse.settle(null); // paused while it waited for the budget
        continue;
      }
      const step = await this.#ask({ context, slot, progress: this.#judged[slot] ?? null });
      await this.#purse.settle(step?.counts ?? null);
      if (step === null) continue;
      this.#judged[slot] = step.progress;
      if (step.done) return void this.#open.delete(slot);
    }
  }

  /** Null: the teacher needs a person; the run is told, and the same thought is asked again when it goes on. */
  async #ask(place: Parameters<ThoughtActivities['correctThought']>[0]) {
    const { config, wave } = this.#input;
    const { correctThought } = proxyActivities<ThoughtActivities>({
      ...activityOptions('corrector', workflowInfo(), config.durability.heartbeatSeconds, config.corrector.account),
      summary: `wave ${wave.wave}, episode ${place.slot}`,
    });
    try {
      return await correctThought(place);
    } catch (error) {
      const cause = error instanceof ActivityFailure ? error.cause : undefined;
      if (!(cause instanceof ApplicationFailure) || cause.type !== 'Corrector.Refused') throw error;
      if (!this.#gate.paused) {
        this.#gate.paused = true;
        setCurrentDetails(`**paused**: ${cause.message}`);
        await getExternalWorkflowHandle(this.#input.runId).signal(haltSignal, cause.message);
      }
      return null;
    }
  }
}
