// The picture of the empty page: dunes that come out of the noise from left to right.

const LAYERS = 5;
const SKY = [226, 221, 211];
const SAND = [70, 88, 92];

/** Draw it in the canvas' own size; the same every time. */
export function draw(canvas) {
  const ratio = Math.min(2, devicePixelRatio);
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const { width, height } = canvas;
  if (!width || !height) return;
  const on = canvas.getContext("2d", { willReadFrequently: true });
  const shade = (share) => SKY.map((value, place) => value + (SAND[place] - value) * share);
  const sky = on.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, `rgb(${shade(0.22)})`);
  sky.addColorStop(0.6, `rgb(${shade(0)})`);
  on.fillStyle = sky;
  on.fillRect(0, 0, width, height);
  for (let layer = 0; layer < LAYERS; layer += 1) {
    on.fillStyle = `rgb(${shade((layer + 1) / LAYERS)})`;
    on.beginPath();
    on.moveTo(0, height);
    for (let x = 0; x <= width; x += 2) on.lineTo(x, height * crest(x / width, layer));
    on.lineTo(width, height);
    on.fill();
  }
  speckle(on, width, height, ratio);
}

/** The height of a row of dunes, as a share of the picture from the top. */
function crest(x, layer) {
  const slow = Math.sin(x * (3.1 + layer * 1.3) + layer * 2.1);
  const quick = Math.sin(x * (7.3 + layer * 2.2) + layer * 0.7);
  return 0.44 + layer * 0.115 + 0.045 * slow + 0.014 * quick;
}

/** Add noise that is strong at the left and gone at the right, in grains of one CSS pixel. */
function speckle(on, width, height, ratio) {
  const pixels = on.getImageData(0, 0, width, height);
  const grain = Math.max(1, Math.round(ratio));
  const random = generator(25);
  for (let y = 0; y < height; y += grain) {
    for (let x = 0; x < width; x += grain) {
      const strength = 92 * Math.max(0, 1 - (1.25 * x) / width) ** 1.6;
      const noise = [0, 1, 2].map(() => strength * (random() + random() + random() - 1.5));
      for (let row = y; row < Math.min(height, y + grain); row += 1) {
        for (let column = x; column < Math.min(width, x + grain); column += 1) {
          const place = 4 * (row * width + column);
          for (let channel = 0; channel < 3; channel += 1) pixels.data[place + channel] += noise[channel];
        }
      }
    }
  }
  on.putImageData(pixels, 0, 0);
}

/** Numbers from 0 to 1 (Mulberry32): Math.random has no seed. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
