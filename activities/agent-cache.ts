/** Keeps the agent of the last run open between activities: making its sessions anew costs more than a small wave. */
import type { RunConfig } from '../configs/schema.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { Agent } from '../core/policy/agent.ts';
import type { AgentParts } from '../core/policy/agent-parts.ts';

/** GPU workers that share this machine's cores (`gtr up --workers gpu,gpu`): lanes are divided, which changes no byte. */
const LANES_OF = Number(process.env.GTR_LANES_OF ?? 1);

type AgentConfig = Pick<RunConfig, 'model' | 'engine' | 'environment'>;

export class AgentCache {
  #key: string | null = null;
  #agent: Promise<Agent> | null = null;

  /**
   * The agent of this configuration, made of `parts` where they are open already; an open one of another configuration, or one whose engine has died, is closed.
   */
  async get({ model, engine, environment }: AgentConfig, parts?: AgentParts): Promise<Agent> {
    const key = JSON.stringify([model, engine, environment.name]);
    if (this.#key !== key || (await this.#hasFailed())) {
      await this.close();
      this.#key = key;
      const lanes = Math.max(1, Math.floor(engine.lanes / LANES_OF));
      this.#agent = Agent.open({ model, engine: { ...engine, lanes }, environment }, modelFolder, parts);
    }
    try {
      return await this.#agent!;
    } catch (error) {
      this.#key = null;
      throw error;
    }
  }

  async #hasFailed(): Promise<boolean> {
    return (await this.#agent?.catch(() => undefined))?.engine.failed ?? false;
  }

  async close(): Promise<void> {
    const agent = this.#agent;
    this.#key = null;
    this.#agent = null;
    await (await agent?.catch(() => undefined))?.close();
  }
}
