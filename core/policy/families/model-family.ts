/**
 * What the rest of the project asks of a model family. Everything else about a family stays in its folder: a new one is
 * a folder with such an object, and its line in `registry.ts`.
 */
import type { ArrayData } from '../../graph/session.ts';
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/program.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import type { WrittenDType } from '../checkpoint/config-json.ts';
import type { VlmConfig } from '../vlm-config.ts';
import type { GraphParameters } from '../vlm/parameters.ts';

/** How a picture was cut, rows and columns: of patches, of tiles, or one part; what is cut is the family's matter. */
export type Grid = readonly [rows: number, columns: number];

/** A picture as a vision tower takes it: its parts one after the other, normalised. */
export type Picture = { pixels: Float32Array; grid: Grid };

/** Throws `CheckpointError` for an image that the checkpoint's settings cannot bring into a form that it takes. */
export type ImagePreprocessor = (image: RgbImage) => Picture;

/** An image processor without its model. */
export type StandaloneProcessor = {
  preprocess: ImagePreprocessor;
  /** Pixels as transformers hands them to the model. */
  asTransformers(picture: Picture): { shape: readonly number[]; data: Float32Array };
  /** How transformers says that the picture was cut, by name. */
  layout(grid: Grid): Record<string, number | readonly number[]>;
};

/**
 * Static shape of the pictures in a graph: parts of the largest one, and whether some row has fewer, whose missing
 * parts are masked.
 */
export type PictureShape = { parts: number; padded: boolean };

/** What the vision tower gives the decoder: [images * tokens, hidden] each, in the order of the image tokens. */
export type ImageFeatures = {
  features: Value;
  /** Added to the output of decoder layer 0, 1, ... at the image tokens. */
  deepstack: readonly Value[];
};

/** Rotary positions of a prompt: one list for each axis, and where the first generated token stands. */
export type PromptPositions = { axes: readonly ArrayLike<number>[]; next: number };

/** Wraps the making of each layer. */
export type InLayer = (make: () => Value) => Value;

/** Names of parameters. The canonical one is the same for all families where the part is the same. */
export type ParameterNames = {
  /** The canonical name of a name in a file, a PEFT adapter's too; null for a table that is computed. */
  canonical(name: string): string | null;
  /** The name in a file as transformers 5 writes it. */
  inFile(canonical: string): string;
  /**
   * The paths of a module in the Python model, by kind of release: first that of transformers 5, which adapters are
   * written for; always equally many.
   */
  modulePaths(canonical: string): string[];
};

/**
 * A family's configurations, names, pictures and graphs. Canonical names begin with `language_model.`,
 * `vision_tower.`, `multi_modal_projector.` (what lies between the two) or `lm_head.`; `value_head.` is no family's.
 */
export interface ModelFamily<C extends VlmConfig = VlmConfig> {
  readonly name: C['family'];
  /** What of the family is supported, for messages. */
  readonly supported: string;
  readonly names: ParameterNames;

  /** Whether a `config.json` is one of this family. */
  describes(content: object): boolean;
  /**
   * Checks and completes a `config.json`; `origin` names it in errors, `folder` is where it lies. Throws
   * `CheckpointError`.
   */
  readConfig(content: unknown, origin: string, folder: string | null): C;
  /**
   * The configuration files of a written checkpoint, by name: of a checkpoint folder `source` what transformers reads,
   * else made of `config`.
   */
  writeConfigs(config: C, dtype: WrittenDType, source: string | undefined): Record<string, object>;
  /** Another folder that holds a part of the weights, as parameters with a prefix; null if there is none. */
  weightsBeside?(folder: string): { folder: string; prefix: string } | null;
  /** What a folder lacks that holds parameters of these names only, and what would help; null: the usual. */
  explainMissing?(found: readonly string[]): string | null;
  /** One sentence that describes the model. */
  describe(config: C): string;
  /** What a picture becomes, as text. */
  describePicture(config: C, grid: Grid): string;

  /** Canonical name to shape of what a checkpoint must hold, in the order of the forward pass. */
  parameterShapes(config: C): Map<string, readonly number[]>;
  /**
   * The same of what files may hold although nothing here reads it; beside a `config.json` that was `written`: of what
   * transformers asks for there.
   */
  unreadShapes(config: C, written?: object): Map<string, readonly number[]>;
  /** Whether a parameter reaches no output: it is never trained. */
  isUnused(config: C, name: string): boolean;

  /** The preprocessing of a checkpoint folder. Throws `CheckpointError`. */
  loadPreprocessor(folder: string, config: C): ImagePreprocessor;
  /** `preprocessor_config.json` of a new model for drawn pictures of `imageSize` pixels a side. */
  newPreprocessor(config: C, imageSize: number): object;
  /** Pictures out of the tensors that a reference forward pass took (docs/conformance.md). */
  recordedPictures(config: C, tensor: (name: string) => { shape: readonly number[]; data: Float32Array }): Picture[];
  /** The image processor by itself, of a preprocessor_config.json; null where it is another family's. */
  processor(content: unknown, origin: string): StandaloneProcessor | null;
  /** Rows of the tower's position table for the patches of all pictures, where a reference records them. */
  visionPositions?(config: C, pictures: readonly Picture[]): number[];
  /**
   * Special tokens of a new model's tokenizer behind `<pad> <s> </s>`, and the fields of config.json that name them.
   */
  readonly newTokens: readonly { text: string; field: string | null }[];

  /** Whether a prompt begins with the begin-of-sequence id even if the tokenizer puts none there. */
  readonly alwaysBegins: boolean;
  /** What chat templates write for a picture. */
  readonly imageMark: string;
  /**
   * What the processor makes of that mark: text with a mark for each run of image tokens, `tokensEach` long. `plain`:
   * the text around it comes from no chat template.
   */
  imageWords(config: C, grid: Grid, plain: boolean): { text: string; tokensEach: number };
  /** Several pictures of one prompt as one, whose parts they are; absent where a prompt holds one. */
  joinPictures?(config: C, pictures: readonly Picture[]): Picture;
  /** Image tokens of a picture. */
  imageTokens(config: C, grid: Grid): number;
  /** Parts of a picture. */
  pictureParts(config: C, grid: Grid): number;
  /** Values of a picture. */
  pictureValues(config: C, grid: Grid): number;
  /** What numbers of parts are rounded up to a multiple of, so that there are few shapes. */
  partsStep(config: C, parts: number): number;
  /** Image tokens of a number of parts. */
  tokensOfParts(config: C, parts: number): number;

  /** Axes of rotary positions: 1, or 3 (time, height, width). */
  readonly positionAxes: 1 | 3;
  /** Positions of a prompt whose image tokens show a picture of this grid. */
  positions(config: C, promptIds: readonly number[], grid: Grid): PromptPositions;

  /** Makes its own inputs, which `pictureFeeds` feeds. `inLayer` wraps the making of each layer. */
  imageFeatures(
    g: GraphBuilder,
    parameters: GraphParameters,
    config: C,
    shape: PictureShape & { images: number },
    inLayer: InLayer,
  ): ImageFeatures;
  /** The inputs of `imageFeatures`; `pixels` is memory for the largest of them, with anything in it. */
  pictureFeeds(
    config: C,
    pictures: readonly Picture[],
    shape: PictureShape,
    newPixels: (length: number) => Float32Array,
  ): Record<string, ArrayData> & { pixels: Float32Array };
}
