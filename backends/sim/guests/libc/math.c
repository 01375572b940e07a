// Functions of doubles by their series, near enough for what tools print.
#include <math.h>
#include <stdint.h>

static const double pi = 3.14159265358979323846, ln2 = 0.69314718055994530942, infinity = __builtin_inf();

// x * 2^power
static double scaled(double x, int power) {
  for (; power > 1000; power -= 1000) x *= 0x1p1000;
  for (; power < -1000; power += 1000) x *= 0x1p-1000;
  union {
    uint64_t bits;
    double number;
  } two = {(uint64_t)(power + 1023) << 52};
  return x * two.number;
}

double fmod(double x, double y) {
  double rest = fabs(x), by = fabs(y);
  if (by == 0 || x != x || y != y || rest == infinity) return __builtin_nan("");
  if (by == infinity) return x;
  while (rest >= by) {
    // The largest part that is a power of two times y.
    double part = by;
    while (part <= rest / 2) part *= 2;
    rest -= part;
  }
  return x < 0 ? -rest : rest;
}

// Of an angle within an eighth of a circle.
static double series(double x, int cosine) {
  double term = cosine ? 1 : x, sum = term;
  for (int at = cosine ? 1 : 2; at < 24; at += 2) term *= -x * x / (at * (at + 1.0)), sum += term;
  return sum;
}

static double turned(double x, int quarters) {
  double whole = nearbyint(x / (pi / 2));
  x = (x - whole * 1.57079632679489655800) - whole * 6.12323399573676603587e-17;
  quarters += (int)fmod(whole, 4) + 4;
  double result = series(x, quarters & 1);
  return quarters & 2 ? -result : result;
}

double sin(double x) { return x == x && fabs(x) < infinity ? turned(x, 0) : __builtin_nan(""); }
double cos(double x) { return x == x && fabs(x) < infinity ? turned(x, 1) : __builtin_nan(""); }

static double arctangent(double x) {
  if (x > 1) return pi / 2 - arctangent(1 / x);
  // Half the angle, twice: then the series is short.
  x = x / (1 + sqrt(1 + x * x)), x = x / (1 + sqrt(1 + x * x));
  double sum = 0, power = x;
  for (int at = 1; at < 60; at += 2, power *= -x * x) sum += power / at;
  return 4 * sum;
}

double atan2(double y, double x) {
  if (y != y || x != x) return __builtin_nan("");
  double angle = x == 0 && y == 0 ? 0 : x == 0 ? pi / 2 : arctangent(fabs(y) / fabs(x));
  if (x < 0 || (x == 0 && y == 0 && __builtin_signbit(x))) angle = pi - angle;
  return __builtin_signbit(y) ? -angle : angle;
}

double exp(double x) {
  if (x != x) return x;
  if (x > 709.79) return infinity;
  if (x < -745.2) return 0;
  double whole = nearbyint(x / ln2);
  x = (x - whole * 6.93147180369123816490e-01) - whole * 1.90821492927058770002e-10;
  double sum = 1, term = 1;
  for (int at = 1; at < 20; at++) term *= x / at, sum += term;
  return scaled(sum, (int)whole);
}

double log(double x) {
  if (x != x || x < 0) return __builtin_nan("");
  if (x == 0) return -infinity;
  if (x == infinity) return x;
  int power = 0;
  while (x > 1.4142135623730951) x /= 2, power++;
  while (x < 0.7071067811865476) x *= 2, power--;
  double part = (x - 1) / (x + 1), sum = 0, term = part;
  for (int at = 1; at < 50; at += 2, term *= part * part) sum += term / at;
  return power * ln2 + 2 * sum;
}

double pow(double x, double y) {
  if (y == 0) return 1;
  int whole = trunc(y) == y;
  if (whole && fabs(y) < 1024) {
    double result = 1, factor = x;
    for (unsigned left = (unsigned)fabs(y); left; left >>= 1, factor *= factor)
      if (left & 1) result *= factor;
    return y < 0 ? 1 / result : result;
  }
  if (x == 0) return y < 0 ? infinity : 0;
  if (x < 0 && !whole) return __builtin_nan("");
  double result = exp(y * log(fabs(x)));
  return x < 0 && fmod(y, 2) != 0 ? -result : result;
}
