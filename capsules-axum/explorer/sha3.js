/**
 * SHA3-256 (FIPS 202), which browsers do not have. Tested against the vectors of NIST.
 *
 * The state is 25 lanes of 64 bits, each as a low and a high half of 32 bits, since those are the
 * integers that JavaScript computes with quickly.
 */

/** The bytes that are taken in before each permutation, for 256 bits of output. */
const RATE = 136;

/** Rotations (rho) and targets (pi) of the lanes, in the order in which pi visits them. */
const ROTATIONS = [
  1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
];
const TARGETS = [
  10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
];

/** The constants of iota, low and high half, from the linear feedback register of FIPS 202. */
const [CONSTANTS_LOW, CONSTANTS_HIGH] = roundConstants();

/**
 * @param {Uint8Array} bytes
 * @returns {Uint8Array} the 32 bytes of the digest
 */
export function sha3_256(bytes) {
  const low = new Int32Array(25);
  const high = new Int32Array(25);
  let at = 0;
  for (; at + RATE <= bytes.length; at += RATE) {
    absorb(low, high, new DataView(bytes.buffer, bytes.byteOffset + at, RATE));
  }
  const last = new Uint8Array(RATE);
  last.set(bytes.subarray(at));
  // The suffix 01 of SHA-3 and the first bit of the padding; its last bit ends the block.
  last[bytes.length - at] = 0x06;
  last[RATE - 1] |= 0x80;
  absorb(low, high, new DataView(last.buffer));

  const digest = new DataView(new ArrayBuffer(32));
  for (let lane = 0; lane < 4; lane += 1) {
    digest.setInt32(8 * lane, low[lane], true);
    digest.setInt32(8 * lane + 4, high[lane], true);
  }
  return new Uint8Array(digest.buffer);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} the digest in lower-case hexadecimal digits
 */
export function sha3_256Hex(bytes) {
  return Array.from(sha3_256(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function absorb(low, high, block) {
  for (let lane = 0; lane < RATE / 8; lane += 1) {
    low[lane] ^= block.getInt32(8 * lane, true);
    high[lane] ^= block.getInt32(8 * lane + 4, true);
  }
  permute(low, high);
}

/** Keccak-f[1600]. */
function permute(low, high) {
  const columnLow = new Int32Array(5);
  const columnHigh = new Int32Array(5);
  for (let round = 0; round < 24; round += 1) {
    // Theta: every lane takes in the parities of two columns.
    for (let x = 0; x < 5; x += 1) {
      columnLow[x] = low[x] ^ low[x + 5] ^ low[x + 10] ^ low[x + 15] ^ low[x + 20];
      columnHigh[x] = high[x] ^ high[x + 5] ^ high[x + 10] ^ high[x + 15] ^ high[x + 20];
    }
    for (let x = 0; x < 5; x += 1) {
      const [left, right] = [(x + 4) % 5, (x + 1) % 5];
      const parityLow = columnLow[left] ^ (columnLow[right] << 1) ^ (columnHigh[right] >>> 31);
      const parityHigh = columnHigh[left] ^ (columnHigh[right] << 1) ^ (columnLow[right] >>> 31);
      for (let lane = x; lane < 25; lane += 5) {
        low[lane] ^= parityLow;
        high[lane] ^= parityHigh;
      }
    }
    // Rho and pi: each lane is rotated to the left and moves to another place.
    let a = low[1];
    let b = high[1];
    for (let step = 0; step < 24; step += 1) {
      const target = TARGETS[step];
      const bits = ROTATIONS[step];
      if (bits >= 32) {
        [a, b] = [b, a];
      }
      // No rotation is by 0 or 32 bits, for which the shifts to the right would not do.
      const [left, right] = [bits & 31, 32 - (bits & 31)];
      const nextLow = low[target];
      const nextHigh = high[target];
      low[target] = (a << left) | (b >>> right);
      high[target] = (b << left) | (a >>> right);
      a = nextLow;
      b = nextHigh;
    }
    // Chi: each lane is mixed with the two beside it, by what is no linear function.
    for (let row = 0; row < 25; row += 5) {
      chi(low, row);
      chi(high, row);
    }
    // Iota: the rounds differ.
    low[0] ^= CONSTANTS_LOW[round];
    high[0] ^= CONSTANTS_HIGH[round];
  }
}

function chi(half, row) {
  const first = half[row];
  const second = half[row + 1];
  for (let x = 0; x < 3; x += 1) {
    half[row + x] ^= ~half[row + x + 1] & half[row + x + 2];
  }
  half[row + 3] ^= ~half[row + 4] & first;
  half[row + 4] ^= ~first & second;
}

function roundConstants() {
  const low = new Int32Array(24);
  const high = new Int32Array(24);
  let register = 1;
  for (let round = 0; round < 24; round += 1) {
    for (let power = 0; power < 7; power += 1) {
      const bit = 2 ** power - 1;
      if (register & 1) {
        (bit < 32 ? low : high)[round] ^= 1 << (bit % 32);
      }
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
  }
  return [low, high];
}
