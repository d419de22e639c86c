/** Pictures as plain bytes. */

/** An RGB image, row by row, three bytes a pixel. */
export type RgbImage = { width: number; height: number; data: Uint8Array };

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [number, number, number];
