// Functions of doubles; those that wasm has are instructions.
#ifndef MATH_H
#define MATH_H
static inline double sqrt(double x) { return __builtin_sqrt(x); }
static inline double trunc(double x) { return __builtin_trunc(x); }
static inline double floor(double x) { return __builtin_floor(x); }
static inline double ceil(double x) { return __builtin_ceil(x); }
static inline double nearbyint(double x) { return __builtin_nearbyint(x); }
static inline double fabs(double x) { return __builtin_fabs(x); }
double sin(double x);
double cos(double x);
double atan2(double y, double x);
double exp(double x);
double log(double x);
double pow(double x, double y);
double fmod(double x, double y);
#endif
