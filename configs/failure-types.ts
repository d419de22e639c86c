/** Types of failures of activities and workflows. */

/** Fault -> failure type. Retrying does not help; the message says what to do. */
export const FAILURES = {
  configuration: 'Config.Invalid',
  game: 'Game.Unusable',
  model: 'Model.Unusable',
  engine: 'Engine.Unusable',
  artifact: 'Artifact.Unusable',
  resultTooLarge: 'Result.TooLarge',
  notFinite: 'Policy.NotFinite',
  staleSample: 'Update.StaleSample',
  teacherRefused: 'Corrector.Refused',
} as const;

/** Class name of an error -> its failure type. Errors of other classes are retried. */
export const FAILURE_OF_ERROR: Readonly<Record<string, (typeof FAILURES)[keyof typeof FAILURES]>> = {
  ConfigError: FAILURES.configuration,
  AlfworldGameError: FAILURES.game,
  EnvironmentError: FAILURES.game,
  CheckpointError: FAILURES.model,
  SafetensorsError: FAILURES.model,
  ProviderError: FAILURES.engine,
  ArtifactError: FAILURES.artifact,
  NotFiniteError: FAILURES.notFinite,
  StaleSampleError: FAILURES.staleSample,
};
