/**
 * Keeps the agent of the last run open between activities: opening its sessions costs more than sampling a small wave.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { modelFolder } from '../configs/project-folder.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { Agent, type AgentConfig } from '../core/policy/agent.ts';
import type { AgentParts } from '../core/policy/agent-parts.ts';
import { getPolicy } from '../core/records/policy-state.ts';
import { notThisWorker, runMemo } from './run-memo.ts';

/**
 * GPU workers that share this machine's cores (`gtr up --workers gpu,gpu`): they divide the lanes, which changes no
 * bytes.
 */
const LANES_OF = Number(process.env.GTR_LANES_OF ?? 1);

export class AgentCache {
  #key: string | null = null;
  #agent: Promise<Agent> | null = null;
  #modelSha256: Promise<string> | null = null;

  /**
   * The agent of this configuration, made from `parts` if they are open already. Closes an open agent of another
   * configuration, and one whose engine has died. Fails if the run began with another checkpoint of that name.
   */
  async get(
    { model, engine, environment, environments, prompt, rollout }: AgentConfig,
    parts?: AgentParts,
  ): Promise<Agent> {
    const wordings = environments?.map(({ name, prompt: template }) => [name, template]) ?? environment.name;
    const key = JSON.stringify([model, engine, wordings, prompt, prompt && rollout?.maxNewTokens]);
    if (this.#key !== key || (await this.#hasFailed())) {
      await this.close();
      this.#key = key;
      const lanes = Math.max(1, Math.floor(engine.lanes / LANES_OF));
      this.#agent = Agent.open(
        { model, engine: { ...engine, lanes }, environment, environments, prompt, rollout },
        modelFolder,
        parts,
      );
    }
    let agent: Agent;
    try {
      agent = await this.#agent!;
    } catch (error) {
      this.#key = null;
      throw error;
    }
    const begun = runMemo.getStore()?.GtrModel;
    if (begun !== undefined && begun !== (await this.modelSha256(agent)))
      throw notThisWorker(
        `Worker ${process.pid} finds a different checkpoint in ${model.base} from the one that the run ` +
          `began with; put the same files there, or stop this worker.`,
      );
    return agent;
  }

  /** Hash of the files that the open agent's checkpoint consists of. */
  modelSha256({ checkpoint }: Agent): Promise<string> {
    return (this.#modelSha256 ??= hashFiles(checkpoint.files));
  }

  async #hasFailed(): Promise<boolean> {
    return (await this.#agent?.catch(() => undefined))?.engine.failed ?? false;
  }

  async close(): Promise<void> {
    const agent = this.#agent;
    this.#key = null;
    this.#agent = null;
    this.#modelSha256 = null;
    await (await agent?.catch(() => undefined))?.close();
  }
}

async function hashFiles(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Makes the agent act as a stored policy; a policy that it already has is not read again. */
export async function usePolicy(store: ArtifactStore, agent: Agent, policy: ArtifactRef): Promise<void> {
  if (agent.policy !== policy.sha256)
    await agent.setPolicy(await getPolicy(store, agent.engine, policy), policy.sha256);
}
