// Pictures are made small before they are sent: a phone's camera makes many megabytes, of which
// nobody needs more than a screen's worth. What is drawn anew has no place, time or camera in it.

export interface Picture {
  blob: Blob;
  type: "image/jpeg";
}

/** A file that the browser cannot read as a picture. */
export class NotAPicture extends Error {}

const LONGEST_PX = 1600;
const QUALITIES = [0.85, 0.7, 0.5];
/** The API takes 5 MiB; this leaves uploads on a bad network short. */
const BYTES_MAX = 1_500_000;

/** The picture with its longer side at most `longest` pixels; `square` cuts its middle out. */
export async function shrink(
  file: Blob,
  { longest = LONGEST_PX, square = false }: { longest?: number; square?: boolean } = {},
): Promise<Picture> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new NotAPicture();
  });
  try {
    return await drawn(bitmap, longest, square);
  } finally {
    bitmap.close();
  }
}

/** What is cut out of a picture, and how large it becomes. */
export function measures(
  width: number,
  height: number,
  longest: number,
  square: boolean,
): { left: number; top: number; from: [number, number]; to: [number, number] } {
  const side = Math.min(width, height);
  const from: [number, number] = square ? [side, side] : [width, height];
  const scale = Math.min(1, longest / Math.max(...from));
  const to = from.map((length) => Math.max(1, Math.round(length * scale))) as [number, number];
  return { left: (width - from[0]) / 2, top: (height - from[1]) / 2, from, to };
}

async function drawn(bitmap: ImageBitmap, longest: number, square: boolean): Promise<Picture> {
  const { left, top, from, to } = measures(bitmap.width, bitmap.height, longest, square);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = to;
  const context = canvas.getContext("2d");
  if (!context) throw new NotAPicture();
  // A JPEG has no transparency; on black, a screenshot could not be read.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, ...to);
  context.drawImage(bitmap, left, top, ...from, 0, 0, ...to);
  let blob: Blob | null = null;
  for (const quality of QUALITIES) {
    blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (blob && blob.size <= BYTES_MAX) break;
  }
  if (!blob) throw new NotAPicture();
  return { blob, type: "image/jpeg" };
}
