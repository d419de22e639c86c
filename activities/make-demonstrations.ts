/**
 * Demonstrations for the supervised warm start, from the expert or a user's file, in the order of training, stored in
 * pages.
 */
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import type { SftConfig } from '../configs/schema.ts';
import { type Demonstration, makeDemonstrations } from '../core/corrector/demonstrations.ts';
import { listedDemonstrations, type PictureDemonstration } from '../core/corrector/llava-demonstrations.ts';
import { checkEnvironments } from '../core/envs/check-games.ts';
import { RandomStream } from '../core/random/counter.ts';
import { type ActivityDependencies, activity } from './activity.ts';

export type MakeDemonstrationsInput = { config: SftConfig };

/** The stored list: pages of `PAGE` demonstrations. */
export type DemonstrationPages = { pages: ArtifactRef[] };

/** Demonstrations of a page: a segment of training reads one or two. */
const PAGE = 2048;

export function createDemonstrationActivities({ store }: ActivityDependencies) {
  return {
    makeDemonstrations: activity(async ({ config }: MakeDemonstrationsInput): Promise<ArtifactRef> => {
      await checkEnvironments(config);
      const { file, images } = config.demonstrations;
      const all: readonly (Demonstration | PictureDemonstration)[] =
        file === null
          ? await makeDemonstrations(config)
          : await Array.fromAsync(listedDemonstrations({ file, images })); // `prepareSupervised` reads the pictures
      const ordered = inTrainingOrder(all, config);
      const pages: ArtifactRef[] = [];
      for (let from = 0; from < ordered.length; from += PAGE)
        pages.push(await putJson(store, 'demonstrations-page', ordered.slice(from, from + PAGE)));
      return await putJson(store, 'demonstrations', { pages } satisfies DemonstrationPages);
    }),
  };
}

export type DemonstrationActivities = ReturnType<typeof createDemonstrationActivities>;

/**
 * The window within which demonstrations of one walk are shuffled: small enough that their games are still cached when
 * they are trained on.
 */
const WALKS_SPREAD_OVER = 256;

/**
 * All demonstrations in a seeded order, repeated in new orders until there are `count`; those of one walk stay near
 * each other.
 */
function inTrainingOrder<T>(all: readonly T[], { seed, demonstrations: { count, walk } }: SftConfig): T[] {
  const spread = walk.taught > 1 ? WALKS_SPREAD_OVER : all.length;
  const passes = Array.from({ length: Math.ceil(count / all.length) }, (_, pass) => {
    const random = new RandomStream({ seed, purpose: 'demonstration order', episode: pass });
    return Array.from({ length: Math.ceil(all.length / spread) }, (_, part) =>
      random.shuffled(all.slice(part * spread, (part + 1) * spread)),
    ).flat();
  });
  return passes.flat().slice(0, count);
}

/** Reads the stored list from `from` to before `until`; only the newest page is cached. */
export function demonstrationReader(
  store: ArtifactStore,
  ref: ArtifactRef,
): (from: number, until: number) => Promise<(Demonstration | PictureDemonstration)[]> {
  let manifest: DemonstrationPages | null = null;
  let newest: { page: number; content: (Demonstration | PictureDemonstration)[] } | null = null;
  const pageAt = async (page: number) => {
    manifest ??= await getJson<DemonstrationPages>(store, ref);
    if (newest?.page !== page)
      newest = { page, content: page < manifest.pages.length ? await getJson(store, manifest.pages[page]) : [] };
    return newest.content;
  };
  return async (from, until) => {
    const found: (Demonstration | PictureDemonstration)[] = [];
    for (let page = Math.floor(from / PAGE); page * PAGE < until; page++)
      found.push(...(await pageAt(page)).slice(Math.max(0, from - page * PAGE), until - page * PAGE));
    return found;
  };
}
