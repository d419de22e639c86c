/** A Blackjack table: the dealer's open card and a card back above, the player's cards below. */
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { Canvas, WHITE } from './canvas.ts';
import { CARD_BACK } from './card-faces.ts';
import { drawCard, drawSmallCard, FELT } from './card.ts';
import { SMALL } from './card-table.ts';
import { drawnOnce } from './recent-scenes.ts';

/**
 * Both views hold any hand: many cards are drawn narrower. `faces`: folder of card pictures, which are always laid out
 * as for people.
 */
export function drawBlackjackTable(
  open: string,
  player: readonly string[],
  size: number,
  faces: string | null = null,
): RgbImage {
  return drawnOnce(['blackjack', size, open, ...player, faces].join('\n'), () => {
    const canvas = new Canvas(size, size, FELT);
    if (size < SMALL && faces === null) drawSmallTable(canvas, open, player);
    else drawTable(canvas, open, player, faces);
    return canvas.toImage();
  });
}

/**
 * At 300 pixels: cards 70 x 98 with 4 between them, the dealer's from (5, 25), the player's from (5, 150), a word above
 * each row.
 */
function drawTable(canvas: Canvas, open: string, player: readonly string[], faces: string | null): void {
  const pixels = (length: number) => Math.floor((length * canvas.width) / 300);
  const row = (cards: readonly string[], title: string, top: number) => {
    const width = Math.min(70, Math.floor(290 / cards.length) - 4);
    canvas.text(title, pixels(5), pixels(top - 20), Math.max(1, pixels(2)), WHITE);
    for (const [index, card] of cards.entries())
      drawCard(
        canvas,
        card,
        { x: pixels(5 + index * (width + 4)), y: pixels(top), width: pixels(width), height: pixels((width * 7) / 5) },
        faces,
      );
  };
  row([open, CARD_BACK], 'Dealer', 25);
  row(player, 'Player', 150);
}

/**
 * Four columns: the dealer in the upper half, the player in the lower one; from the fifth card on in two rows of ranks
 * alone.
 */
function drawSmallTable(canvas: Canvas, open: string, player: readonly string[]): void {
  const half = Math.floor(canvas.height / 2);
  const column = Math.floor(canvas.width / 4);
  for (const [index, card] of [open, CARD_BACK].entries())
    drawSmallCard(canvas, card, { x: index * column, y: 0, width: column, height: half });
  const rows = player.length > 4 ? 2 : 1;
  const columns = Math.max(4, Math.ceil(player.length / rows));
  const [width, height] = [Math.floor(canvas.width / columns), Math.floor(half / rows)];
  for (const [index, card] of player.entries())
    drawSmallCard(canvas, card, {
      x: (index % columns) * width,
      y: half + Math.floor(index / columns) * height,
      width,
      height,
    });
}
