// The work of dsm.theory.online_sgd and of its simulation as plain loops: a yardstick for the machine at hand.
// Build: g++ -O3 -march=native -o two_layer two_layer.cpp
// Run:   ./two_layer ode K M steps dt | ./two_layer sgd N K M steps
// Prints seconds and the final test error. erf units, soft committees, lr 0.2, noise 0.01.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>
using std::vector;
const double PI = 3.141592653589793, LR = 0.2, NOISE = 0.01;

struct Overlaps {
  int K, P;
  vector<double> C;  // covariance of all fields, the student's first
  double operator()(int i, int j) const { return C[i * P + j]; }
  double sign(int p) const { return p < K ? 1 : -1; }
};

double i2(const Overlaps& C, int i, int j) { return 2 / PI * asin(C(i, j) / sqrt((1 + C(i, i)) * (1 + C(j, j)))); }
double i3(const Overlaps& C, int i, int j, int k) {
  double l = (1 + C(i, i)) * (1 + C(k, k)) - C(i, k) * C(i, k);
  return 2 / PI / sqrt(l) * (C(j, k) * (1 + C(i, i)) - C(i, j) * C(i, k)) / (1 + C(i, i));
}
double i4(const Overlaps& C, int i, int k, int p, int q) {
  double a = 1 + C(i, i), b = 1 + C(k, k), l4 = a * b - C(i, k) * C(i, k);
  double l0 = l4 * C(p, q) - C(k, p) * C(k, q) * a - C(i, p) * C(i, q) * b + C(i, k) * (C(i, p) * C(k, q) + C(i, q) * C(k, p));
  double l1 = l4 * (1 + C(p, p)) - C(k, p) * C(k, p) * a - C(i, p) * C(i, p) * b + 2 * C(i, k) * C(i, p) * C(k, p);
  double l2 = l4 * (1 + C(q, q)) - C(k, q) * C(k, q) * a - C(i, q) * C(i, q) * b + 2 * C(i, k) * C(i, q) * C(k, q);
  return 4 / (PI * PI) / sqrt(l4) * asin(l0 / sqrt(l1 * l2));
}
double j2(const Overlaps& C, int i, int k) { return 2 / PI / sqrt((1 + C(i, i)) * (1 + C(k, k)) - C(i, k) * C(i, k)); }
double error(const Overlaps& C) {
  double e = 0;
  for (int p = 0; p < C.P; p++) for (int q = 0; q < C.P; q++) e += C.sign(p) * C.sign(q) * i2(C, p, q) / 2;
  return e;
}

void ode(int K, int M, long steps, double dt) {
  Overlaps C{K, K + M, vector<double>((K + M) * (K + M), 0.0)};
  for (int i = 0; i < K; i++) for (int j = 0; j < C.P; j++) C.C[i * C.P + j] = C.C[j * C.P + i] = i == j ? 1.0 : 0.01 * ((3 * i + 5 * j) % 7 - 3);
  for (int m = K; m < C.P; m++) C.C[m * C.P + m] = 1;
  vector<double> d(K * C.P);
  for (long s = 0; s < steps; s++) {
    for (int i = 0; i < K; i++) for (int j = 0; j < C.P; j++) {
      double f = 0;
      for (int p = 0; p < C.P; p++) f -= LR * C.sign(p) * i3(C, i, j, p);
      if (j < K) {
        for (int p = 0; p < C.P; p++) f -= LR * C.sign(p) * i3(C, j, i, p);
        for (int p = 0; p < C.P; p++) for (int q = 0; q < C.P; q++) f += LR * LR * C.sign(p) * C.sign(q) * i4(C, i, j, p, q);
        f += LR * LR * NOISE * NOISE * j2(C, i, j);
      }
      d[i * C.P + j] = f;
    }
    for (int i = 0; i < K; i++) for (int j = 0; j < C.P; j++) {
      C.C[i * C.P + j] += dt * d[i * C.P + j];
      C.C[j * C.P + i] = C.C[i * C.P + j];
    }
  }
  printf("error %.6g ", error(C));
}

void sgd(int N, int K, int M, long steps) {
  std::mt19937_64 engine(0);
  std::normal_distribution<double> normal;
  vector<double> w(K * N), wt(M * N), x(N), g(K), slope(K);
  for (double& value : w) value = normal(engine);
  for (double& value : wt) value = normal(engine);
  const double root = sqrt((double)N);
  double squares = 0;
  for (long s = 0; s < steps; s++) {
    for (double& value : x) value = normal(engine);
    double delta = -NOISE * normal(engine);
    for (int k = 0; k < K; k++) {
      double field = 0;
      for (int i = 0; i < N; i++) field += w[k * N + i] * x[i];
      field /= root;
      delta += erf(field / sqrt(2.0));
      slope[k] = sqrt(2 / PI) * exp(-field * field / 2);
    }
    for (int m = 0; m < M; m++) {
      double field = 0;
      for (int i = 0; i < N; i++) field += wt[m * N + i] * x[i];
      delta -= erf(field / root / sqrt(2.0));
    }
    for (int k = 0; k < K; k++) for (int i = 0; i < N; i++) w[k * N + i] -= LR / root * delta * slope[k] * x[i];
    if (10 * s >= 9 * steps) squares += delta * delta / 2;
  }
  printf("error %.6g ", squares / (steps - 9 * steps / 10));
}

int main(int count, char** words) {
  auto number = [&](int i) { return i < count ? atof(words[i]) : 0; };
  auto began = std::chrono::steady_clock::now();
  if (!strcmp(words[1], "ode")) ode(number(2), number(3), number(4), number(5));
  else sgd(number(2), number(3), number(4), number(5));
  printf("seconds %.6g\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}
