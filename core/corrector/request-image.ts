/** A picture as a data URL. */
import type { RgbImage } from '../pictures/rgb-image.ts';
import { encodePng } from '../pictures/png.ts';

/** `quality`: of a JPEG, 1 to 100. */
export type ImageFormat = { format: 'png' | 'jpeg'; quality: number };

export async function imageDataUrl(image: RgbImage, { format, quality }: ImageFormat): Promise<string> {
  const bytes = format === 'png' ? encodePng(image) : await encodeJpeg(image, quality);
  return `data:image/${format};base64,${bytes.toString('base64')}`;
}

async function encodeJpeg({ width, height, data }: RgbImage, quality: number): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: '4:4:4' })
    .toBuffer();
}
