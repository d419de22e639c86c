/**
 * The interface of a model family. Everything else about a family stays in its folder: a new family is a folder with
 * such an object, and a line in `registry.ts`.
 */
import type { ArrayData } from '../../graph/session.ts';
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/program.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import type { WrittenDType } from '../checkpoint/config-json.ts';
import type { VlmConfig } from '../vlm-config.ts';
import type { GraphParameters } from '../vlm/parameters.ts';

/** How a picture was cut, as rows and columns of patches or tiles (the family decides which), or as one part. */
export type Grid = readonly [rows: number, columns: number];

/** A picture as a vision tower takes it: its parts in order, normalised. */
export type Picture = { pixels: Float32Array; grid: Grid };

/** Throws `CheckpointError` for an image that the checkpoint's settings cannot fit to the model. */
export type ImagePreprocessor = (image: RgbImage) => Picture;

/** An image processor without its model. */
export type StandaloneProcessor = {
  preprocess: ImagePreprocessor;
  /** Pixels as transformers passes them to the model. */
  asTransformers(picture: Picture): { shape: readonly number[]; data: Float32Array };
  /** The layout of the picture in transformers' terms, by name. */
  layout(grid: Grid): Record<string, number | readonly number[]>;
};

/**
 * Static shape of the pictures in a graph: parts of the largest one, and whether some rows have fewer, so that missing
 * parts are masked.
 */
export type PictureShape = { parts: number; padded: boolean };

/** The vision tower's output for the decoder: [images * tokens, hidden] each, in the order of the image tokens. */
export type ImageFeatures = {
  features: Value;
  /** Added to the output of decoder layer 0, 1, ... at the image tokens. */
  deepstack: readonly Value[];
};

/** Rotary positions of a prompt: one list for each axis, and the position of the first generated token. */
export type PromptPositions = { axes: readonly ArrayLike<number>[]; next: number };

/** Wraps the construction of each layer. */
export type InLayer = (make: () => Value) => Value;

/** Names of parameters. The canonical one is the same for all families where the part is the same. */
export type ParameterNames = {
  /** The canonical name for a name in a file, also in a PEFT adapter; null for a computed table. */
  canonical(name: string): string | null;
  /** The name in a file as transformers 5 writes it. */
  inFile(canonical: string): string;
  /**
   * The paths of a module in the Python model, by kind of release. The first is that of transformers 5, for which
   * adapters are written; the number of paths is the same for all modules.
   */
  modulePaths(canonical: string): string[];
};

/**
 * A family's configurations, names, pictures and graphs. Canonical names begin with `language_model.`, `vision_tower.`,
 * `multi_modal_projector.` (what lies between the two) or `lm_head.`; no family uses `value_head.`.
 */
export interface ModelFamily<C extends VlmConfig = VlmConfig> {
  readonly name: C['family'];
  /** The supported models of the family, for messages. */
  readonly supported: string;
  readonly names: ParameterNames;

  /** Whether a `config.json` belongs to this family. */
  describes(content: object): boolean;
  /**
   * Checks and completes a `config.json`; `origin` names it in errors, `folder` is its folder. Throws
   * `CheckpointError`.
   */
  readConfig(content: unknown, origin: string, folder: string | null): C;
  /**
   * The configuration files of a written checkpoint, by name: those of a checkpoint folder `source` that transformers
   * reads, else files made from `config`.
   */
  writeConfigs(config: C, dtype: WrittenDType, source: string | undefined): Record<string, object>;
  /** Another folder that holds a part of the weights, as parameters with a prefix; null if there is none. */
  weightsBeside?(folder: string): { folder: string; prefix: string } | null;
  /**
   * What is missing from a folder that holds only parameters of these names, and what would help; null: the usual
   * message.
   */
  explainMissing?(found: readonly string[]): string | null;
  /** One sentence that describes the model. */
  describe(config: C): string;
  /** How a picture is cut, as text. */
  describePicture(config: C, grid: Grid): string;

  /** Canonical name to shape of the parameters that a checkpoint must hold, in the order of the forward pass. */
  parameterShapes(config: C): Map<string, readonly number[]>;
  /**
   * The same for parameters that files may hold although nothing here reads them; with a `written` config.json, for
   * those that transformers expects.
   */
  unreadShapes(config: C, written?: object): Map<string, readonly number[]>;
  /** Whether a parameter affects no output, so that it is never trained. */
  isUnused(config: C, name: string): boolean;

  /** The preprocessing of a checkpoint folder. Throws `CheckpointError`. */
  loadPreprocessor(folder: string, config: C): ImagePreprocessor;
  /** `preprocessor_config.json` of a new model for drawn pictures of `imageSize` pixels a side. */
  newPreprocessor(config: C, imageSize: number): object;
  /** Pictures from the tensors of a reference forward pass (docs/conformance.md). */
  recordedPictures(config: C, tensor: (name: string) => { shape: readonly number[]; data: Float32Array }): Picture[];
  /** The image processor alone, from a preprocessor_config.json; null where it is another family's. */
  processor(content: unknown, origin: string): StandaloneProcessor | null;
  /** Rows of the tower's position table for the patches of all pictures, if a reference records them. */
  visionPositions?(config: C, pictures: readonly Picture[]): number[];
  /**
   * Special tokens of a new model's tokenizer behind `<pad> <s> </s>`, and the fields of config.json that name them.
   */
  readonly newTokens: readonly { text: string; field: string | null }[];

  /** Whether a prompt begins with the begin-of-sequence id even if the tokenizer does not add it. */
  readonly alwaysBegins: boolean;
  /** The mark that chat templates write for a picture. */
  readonly imageMark: string;
  /**
   * What the processor replaces that mark by: text with a mark for each run of `tokensEach` image tokens. `plain`: the
   * surrounding text does not come from a chat template.
   */
  imageWords(config: C, grid: Grid, plain: boolean): { text: string; tokensEach: number };
  /** Joins the pictures of one prompt into one with several parts; absent where a prompt can hold only one. */
  joinPictures?(config: C, pictures: readonly Picture[]): Picture;
  /** Image tokens of a picture. */
  imageTokens(config: C, grid: Grid): number;
  /** Parts of a picture. */
  pictureParts(config: C, grid: Grid): number;
  /** Values of a picture. */
  pictureValues(config: C, grid: Grid): number;
  /** Numbers of parts are rounded up to a multiple of this, so that there are few shapes. */
  partsStep(config: C, parts: number): number;
  /** Image tokens of a number of parts. */
  tokensOfParts(config: C, parts: number): number;

  /** Axes of rotary positions: 1, or 3 (time, height, width). */
  readonly positionAxes: 1 | 3;
  /** Positions of a prompt whose image tokens show a picture of this grid. */
  positions(config: C, promptIds: readonly number[], grid: Grid): PromptPositions;

  /** Makes its own inputs, which `pictureFeeds` feeds. `inLayer` wraps the construction of each layer. */
  imageFeatures(
    g: GraphBuilder,
    parameters: GraphParameters,
    config: C,
    shape: PictureShape & { images: number },
    inLayer: InLayer,
  ): ImageFeatures;
  /** The inputs of `imageFeatures`; `pixels` is memory for the largest of them, with arbitrary content. */
  pictureFeeds(
    config: C,
    pictures: readonly Picture[],
    shape: PictureShape,
    newPixels: (length: number) => Float32Array,
  ): Record<string, ArrayData> & { pixels: Float32Array };
}
