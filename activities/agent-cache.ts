/** Keeps the agent of the last run open between activities: making its sessions anew costs more than a small wave. */
import path from 'node:path';
import type { RunConfig } from '../configs/schema.ts';
import { Agent } from '../policy/agent.ts';

type AgentConfig = Pick<RunConfig, 'model' | 'engine' | 'environment'>;

/** The project's top folder, from which relative model paths count. */
export const PROJECT = path.resolve(import.meta.dirname, '..');

export class AgentCache {
  #key: string | null = null;
  #agent: Promise<Agent> | null = null;

  /** The agent of this configuration; an open one of another configuration, or one whose engine has died, is closed. */
  async get({ model, engine, environment }: AgentConfig): Promise<Agent> {
    const key = JSON.stringify([model, engine, environment.name]);
    if (this.#key !== key || (await this.#hasFailed())) {
      await this.close();
      this.#key = key;
      this.#agent = Agent.open({ model, engine, environment }, modelFolder);
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

/** A model folder of a configuration as an absolute path. */
export function modelFolder(base: string): string {
  return path.resolve(PROJECT, base);
}
