/** A spread update stores policy and optimizer after this many optimizer steps. */
export const STEPS_PER_STORED_STATE = 4;
