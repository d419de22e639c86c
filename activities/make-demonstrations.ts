/** Demonstrations for the supervised warm start, made by the exact solver. */
import { putJson } from '../artifacts/codecs.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { SftConfig } from '../configs/schema.ts';
import { makeDemonstrations } from '../corrector/demonstrations.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';

export type MakeDemonstrationsInput = { config: SftConfig };

export function createDemonstrationActivities({ store }: ActivityDependencies) {
  return {
    makeDemonstrations: activity(async ({ config }: MakeDemonstrationsInput): Promise<ArtifactRef> => {
      const template = loadPromptTemplate(config.model.prompt, config.environment.name);
      return await putJson(store, 'demonstrations', await makeDemonstrations(config, template));
    }),
  };
}

export type DemonstrationActivities = ReturnType<typeof createDemonstrationActivities>;
