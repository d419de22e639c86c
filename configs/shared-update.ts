/** Optimizer steps of an update that is spread, after which policy and optimizer are stored. */
export const STEPS_PER_STORED_STATE = 4;
