// What metering and suspension cost, on work of different kinds: each exported function computes for a while and answers a sum.

#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

static u32 seed;
static u32 next(void) { return seed = seed * 1664525u + 1013904223u; }

static double matrix_a[160][160], matrix_b[160][160], matrix_c[160][160];
EXPORT(matrix) u32 matrix(u32 rounds) {
  for (int i = 0; i < 160; i++)
    for (int j = 0; j < 160; j++) matrix_a[i][j] = i * 0.5 + j, matrix_b[i][j] = i - j * 0.25;
  for (u32 round = 0; round < rounds; round++)
    for (int i = 0; i < 160; i++)
      for (int j = 0; j < 160; j++) {
        double sum = 0;
        for (int k = 0; k < 160; k++) sum += matrix_a[i][k] * matrix_b[k][j];
        matrix_c[i][j] = sum;
      }
  return (u32)(long long)matrix_c[13][57];
}

static u8 sieve_bits[1 << 20];
EXPORT(sieve) u32 sieve(u32 rounds) {
  u32 count = 0;
  for (u32 round = 0; round < rounds; round++) {
    count = 0;
    for (u32 i = 0; i < sizeof sieve_bits; i++) sieve_bits[i] = 1;
    for (u32 i = 2; i < sizeof sieve_bits; i++) {
      if (!sieve_bits[i]) continue;
      count++;
      for (u64 j = (u64)i * i; j < sizeof sieve_bits; j += i) sieve_bits[j] = 0;
    }
  }
  return count;
}

static u32 fibonacci_of(u32 n) { return n < 2 ? n : fibonacci_of(n - 1) + fibonacci_of(n - 2); }
EXPORT(fibonacci) u32 fibonacci(u32 rounds) {
  u32 sum = 0;
  for (u32 round = 0; round < rounds; round++) sum += fibonacci_of(26 + (round & 1));
  return sum;
}

static u32 numbers[1 << 17];
static void sort(u32 *from, u32 *to) {
  while (to - from > 1) {
    u32 pivot = from[(to - from) / 2], *left = from, *right = to - 1;
    while (left <= right) {
      while (*left < pivot) left++;
      while (*right > pivot) right--;
      if (left <= right) {
        u32 held = *left;
        *left++ = *right;
        *right-- = held;
      }
    }
    if (right + 1 - from < to - left) sort(from, right + 1), from = left;
    else sort(left, to), to = right + 1;
  }
}
EXPORT(quicksort) u32 quicksort(u32 rounds) {
  u32 sum = 0;
  for (u32 round = 0; round < rounds; round++) {
    seed = 7;
    for (u32 i = 0; i < 1 << 17; i++) numbers[i] = next();
    sort(numbers, numbers + (1 << 17));
    sum += numbers[1000];
  }
  return sum;
}

static const u32 sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static u32 turn(u32 x, int by) { return x >> by | x << (32 - by); }
EXPORT(sha256) u32 sha256(u32 rounds) {
  u32 h[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[64];
  for (u32 round = 0; round < rounds * 4096; round++) {
    for (int i = 0; i < 16; i++) w[i] = round * 77 + i;
    for (int i = 16; i < 64; i++)
      w[i] = (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10) + w[i - 7] +
             (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 16];
    u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
    for (int i = 0; i < 64; i++) {
      u32 t1 = k + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + sha_constants[i] + w[i];
      u32 t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
  }
  return h[0] ^ h[7];
}

EXPORT(mandelbrot) u32 mandelbrot(u32 rounds) {
  u32 sum = 0;
  for (u32 round = 0; round < rounds; round++)
    for (int y = 0; y < 120; y++)
      for (int x = 0; x < 160; x++) {
        double cr = x / 80.0 - 1.5, ci = y / 60.0 - 1, zr = 0, zi = 0;
        int i = 0;
        for (; i < 100 && zr * zr + zi * zi < 4; i++) {
          double t = zr * zr - zi * zi + cr;
          zi = 2 * zr * zi + ci;
          zr = t;
        }
        sum += i;
      }
  return sum;
}

static char text[1 << 16];
static u32 table_keys[1 << 14], table_counts[1 << 14];
EXPORT(words) u32 words(u32 rounds) {
  u32 found = 0;
  seed = 3;
  for (u32 i = 0; i < sizeof text; i++) text[i] = next() >> 28 ? 'a' + (next() >> 24) % 9 : ' ';
  for (u32 round = 0; round < rounds * 8; round++) {
    for (u32 i = 0; i < 1 << 14; i++) table_keys[i] = table_counts[i] = 0;
    u32 hash = 0;
    for (u32 i = 0; i < sizeof text; i++) {
      if (text[i] != ' ') {
        hash = hash * 31 + text[i];
        continue;
      }
      u32 at = hash % (1 << 14);
      while (table_keys[at] && table_keys[at] != hash) at = (at + 1) % (1 << 14);
      table_keys[at] = hash, table_counts[at]++, found += table_counts[at] == 2, hash = 0;
    }
  }
  return found;
}

// An interpreter: indirect calls and a big switch.
typedef int (*operation)(int, int);
static int op_add(int a, int b) { return a + b; }
static int op_mul(int a, int b) { return a * b; }
static int op_xor(int a, int b) { return a ^ b; }
static int op_sub(int a, int b) { return a - b; }
static operation volatile operations[4] = {op_add, op_mul, op_xor, op_sub};
EXPORT(interpreter) u32 interpreter(u32 rounds) {
  u8 code[256];
  int stack[16] = {1, 2, 3}, top = 3;
  seed = 11;
  for (int i = 0; i < 256; i++) code[i] = next() >> 24;
  for (u32 round = 0; round < rounds * 4000; round++)
    for (int at = 0; at < 256; at++) switch (code[at] & 7) {
        case 0: stack[top & 15] = at, top++; break;
        case 1: top--; break;
        case 2: stack[(top - 1) & 15] ^= at; break;
        case 3: stack[top & 15] = stack[(top - 1) & 15], top++; break;
        case 4: if (stack[(top - 1) & 15] & 1) at++; break;
        case 5: stack[(top - 1) & 15] = operations[code[at] >> 3 & 3](stack[(top - 1) & 15], stack[top & 15]); break;
        case 6: stack[(top - 1) & 15] <<= 1; break;
        default: stack[(top - 2) & 15] += stack[(top - 1) & 15];
      }
  return stack[0] ^ stack[7];
}

static u32 crc_table[256];
static u8 crc_data[1 << 16];
EXPORT(crc32) u32 crc32(u32 rounds) {
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    crc_table[i] = c;
  }
  seed = 5;
  for (u32 i = 0; i < sizeof crc_data; i++) crc_data[i] = next() >> 24;
  u32 crc = ~0u;
  for (u32 round = 0; round < rounds * 32; round++)
    for (u32 i = 0; i < sizeof crc_data; i++) crc = crc_table[(crc ^ crc_data[i]) & 255] ^ crc >> 8;
  return ~crc;
}

#define BODIES 5
static double place[BODIES][3], speed[BODIES][3], mass[BODIES] = {39.47, 0.0377, 0.0113, 0.0017, 0.002};
EXPORT(nbody) u32 nbody(u32 rounds) {
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) place[i][k] = i * 1.7 + k * 0.3 - i * i * k * 0.2, speed[i][k] = (i ^ k) * 0.21 - 0.3;
  for (u32 round = 0; round < rounds * 20000; round++) {
    for (int i = 0; i < BODIES; i++)
      for (int j = i + 1; j < BODIES; j++) {
        double dx = place[i][0] - place[j][0], dy = place[i][1] - place[j][1], dz = place[i][2] - place[j][2];
        double square = dx * dx + dy * dy + dz * dz + 0.01, pull = 0.001 / (square * __builtin_sqrt(square));
        speed[i][0] -= dx * mass[j] * pull, speed[i][1] -= dy * mass[j] * pull, speed[i][2] -= dz * mass[j] * pull;
        speed[j][0] += dx * mass[i] * pull, speed[j][1] += dy * mass[i] * pull, speed[j][2] += dz * mass[i] * pull;
      }
    for (int i = 0; i < BODIES; i++)
      for (int k = 0; k < 3; k++) place[i][k] += 0.001 * speed[i][k];
  }
  return (u32)(long long)(place[0][0] * 1e6);
}

// Searches as strstr does, in a text that almost matches.
EXPORT(search) u32 search(u32 rounds) {
  static const char wanted[] = "aabaabaac";
  u32 found = 0;
  seed = 9;
  for (u32 i = 0; i < sizeof text; i++) text[i] = next() >> 30 ? 'a' : 'b';
  for (u32 round = 0; round < rounds * 20; round++)
    for (u32 at = 0; at + sizeof wanted <= sizeof text; at++) {
      u32 same = 0;
      while (wanted[same] && text[at + same] == wanted[same]) same++;
      found += same > 4;
    }
  return found;
}
