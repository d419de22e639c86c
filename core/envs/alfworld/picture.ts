/**
 * Draws what the agent faces: the receptacles at its place, open or closed, what can be seen on them, and what it
 * holds.
 */
import { BLACK, Canvas, WHITE } from '../drawing/canvas.ts';
import type { Colour } from '../../pictures/rgb-image.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import type { Entity } from './entities.ts';
import type { HouseholdView, Receptacle } from './household-view.ts';
import { smallName } from './small-letters.ts';
import { lookOf } from './thing-shapes.ts';

const WALL: Colour = [214, 208, 196];
const FLOOR: Colour = [158, 126, 94];
const HAND_BAND: Colour = [70, 74, 84];
const INSIDE: Colour = [236, 232, 224];
const HANDLE: Colour = [235, 215, 130];

/** From this size on, names are written next to the things. */
const NAMED = 200;
/** Dots of a thing's shape. */
const DOTS = 8;

/** Colours of furniture by kind; wood for all others. */
const FURNITURE: Readonly<Record<string, Colour>> = {
  fridge: [176, 190, 204],
  microwave: [92, 96, 104],
  sinkbasin: [150, 176, 190],
  bathtubbasin: [170, 200, 212],
  toilet: [205, 214, 220],
  countertop: [140, 134, 128],
  stoveburner: [66, 66, 72],
  coffeemachine: [84, 60, 52],
  toaster: [150, 110, 96],
  garbagecan: [96, 110, 92],
  safe: [84, 92, 112],
  sofa: [104, 120, 164],
  armchair: [134, 104, 152],
  ottoman: [156, 120, 132],
  bed: [126, 150, 190],
  laundryhamper: [186, 166, 130],
  cabinet: [150, 108, 70],
  drawer: [170, 128, 84],
};
const WOOD: Colour = [160, 118, 76];

type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/**
 * The scene at `size` x `size` pixels, the same bytes on every machine. In the middle of the room all furniture stands
 * small along the wall. Closed receptacles hide what is in them. Marks on things: red hot, blue cold, white corner
 * clean, yellow frame switched on, black bar sliced.
 */
export function drawHousehold(view: HouseholdView, size: number): RgbImage {
  const canvas = new Canvas(size, size, WALL);
  const bandTop = Math.floor(size * 0.84);
  canvas.fill(0, Math.floor(size * 0.6), size, size, FLOOR);
  const faced = [...view.here].reverse();
  const shown = faced.length > 0 ? faced : [...view.receptacles].reverse();
  const columns = Math.max(1, faced.length > 0 ? Math.min(3, faced.length) : Math.ceil(Math.sqrt(shown.length)));
  const rows = Math.max(1, Math.ceil(shown.length / columns));
  const gap = Math.max(1, Math.floor(size / 50));
  for (const [i, receptacle] of shown.entries()) {
    const width = Math.floor(size / columns);
    const height = Math.floor(bandTop / rows);
    const cell = {
      x: (i % columns) * width + gap,
      y: Math.floor(i / columns) * height + gap,
      width: width - 2 * gap,
      height: height - 2 * gap,
    };
    drawReceptacle(canvas, view, receptacle, cell, faced.length > 0);
  }
  drawHand(canvas, view, { x: 0, y: bandTop, width: size, height: size - bandTop });
  return canvas.toImage();
}

function drawReceptacle(
  canvas: Canvas,
  view: HouseholdView,
  { entity, kind, openable, open }: Receptacle,
  cell: Box,
  faced: boolean,
): void {
  const scale = letterScale(canvas.width);
  const label = canvas.width >= NAMED ? 7 * scale : 0;
  const body = { ...cell, height: cell.height - label };
  const colour = FURNITURE[kind] ?? WOOD;
  canvas.fill(body.x, body.y, body.width, body.height, shade(colour, 0.6));
  const edge = Math.max(1, Math.floor(Math.min(body.width, body.height) / 24));
  canvas.fill(body.x + edge, body.y + edge, body.width - 2 * edge, body.height - 2 * edge, colour);
  if (label > 0) smallName(canvas, entity.name, cell.x, cell.y + body.height + scale, cell.width, scale, BLACK);
  if (openable) {
    // A handle in the middle of a closed door, at the edge of an open one.
    const handle = Math.max(2, Math.floor(body.width / 8));
    const left = open && faced ? body.x + body.width - edge - handle : body.x + Math.floor((body.width - handle) / 2);
    canvas.fill(left, body.y + Math.floor(body.height / 2), handle, Math.max(2, edge), HANDLE);
  }
  if (!faced || (openable && !open)) return;
  const rim = Math.max(1, Math.floor(Math.min(body.width, body.height) / (openable ? 8 : 14)));
  const inside = { x: body.x + rim, y: body.y + rim, width: body.width - 2 * rim, height: body.height - 2 * rim };
  canvas.fill(inside.x, inside.y, inside.width, inside.height, openable ? shade(INSIDE, 0.8) : INSIDE);
  drawThings(canvas, view, view.contents(entity).toReversed(), inside);
}

/** Things in a grid, as large as all of them fit. */
function drawThings(canvas: Canvas, view: HouseholdView, things: readonly Entity[], box: Box): void {
  if (things.length === 0) return;
  let columns = 1;
  while (columns * Math.floor((columns * box.height) / box.width) < things.length && columns < things.length) columns++;
  const rows = Math.ceil(things.length / columns);
  const [width, height] = [Math.floor(box.width / columns), Math.floor(box.height / rows)];
  for (const [i, thing] of things.entries()) {
    drawThing(canvas, view, thing, {
      x: box.x + (i % columns) * width,
      y: box.y + Math.floor(i / columns) * height,
      width,
      height,
    });
  }
}

function drawThing(canvas: Canvas, view: HouseholdView, thing: Entity, box: Box): void {
  const letters = letterScale(canvas.width);
  const label = canvas.width >= NAMED && box.height >= DOTS + 7 * letters ? 7 * letters : 0;
  const scale = Math.max(1, Math.min(6, Math.floor((Math.min(box.width, box.height - label) - 1) / (DOTS + 1))));
  const side = DOTS * scale;
  const [x, y] = [box.x + Math.floor((box.width - side) / 2), box.y + Math.floor((box.height - label - side) / 2)];
  const { glyph, colour } = lookOf(view.kind(thing));
  const mark = Math.max(1, Math.floor(scale / 2));
  if (view.is('istoggled', thing)) canvas.fill(x - mark, y - mark, side + 2 * mark, side + 2 * mark, [250, 220, 60]);
  // A shadow sets pale things off from a pale ground.
  canvas.glyph(glyph, x + mark, y + mark, scale, shade(colour, 0.45));
  canvas.glyph(glyph, x, y, scale, colour);
  if (view.is('ishot', thing)) canvas.fill(x, y + side, side, mark, [230, 30, 20]);
  if (view.is('iscool', thing)) canvas.fill(x, y + side, side, mark, [40, 110, 250]);
  if (view.is('isclean', thing)) canvas.fill(x + side - 2 * scale, y, 2 * scale, 2 * scale, WHITE);
  if (view.is('issliced', thing)) canvas.fill(x + Math.floor(side / 2), y, mark, side, BLACK);
  if (label > 0) smallName(canvas, thing.name, box.x + 1, y + side + mark + letters, box.width - 2, letters, BLACK);
}

/** A dark band below shows what is in hand. */
function drawHand(canvas: Canvas, view: HouseholdView, band: Box): void {
  canvas.fill(band.x, band.y, band.width, band.height, HAND_BAND);
  if (!view.hand) return;
  const width = Math.floor(band.width / 2);
  const palm = { x: Math.floor(width / 2), y: band.y + 1, width, height: band.height - 1 };
  canvas.fill(palm.x, palm.y, palm.width, palm.height, [226, 186, 152]);
  drawThing(canvas, view, view.hand, palm);
}

function letterScale(size: number): number {
  return Math.max(1, Math.floor(size / 200));
}

function shade([red, green, blue]: Colour, share: number): Colour {
  return [Math.floor(red * share), Math.floor(green * share), Math.floor(blue * share)];
}
