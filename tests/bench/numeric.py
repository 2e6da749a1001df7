# A hundred lines of the arithmetic that agents ask for, in plain Python: the longest of the programs that are timed.
import cmath
import math


def solve(matrix, right):
    """Gaussian elimination with partial pivoting."""
    n = len(matrix)
    rows = [row[:] + [value] for row, value in zip(matrix, right)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda r: abs(rows[r][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, n):
            factor = rows[row][column] / rows[column][column]
            for k in range(column, n + 1):
                rows[row][k] -= factor * rows[column][k]
    solution = [0.0] * n
    for row in reversed(range(n)):
        known = sum(rows[row][k] * solution[k] for k in range(row + 1, n))
        solution[row] = (rows[row][n] - known) / rows[row][row]
    return solution


def hilbert_like(n):
    return [[1.0 / (i + j + 1) + (2.0 if i == j else 0.0) for j in range(n)] for i in range(n)]


def transform(values):
    """Cooley and Tukey's, radix two."""
    n = len(values)
    if n == 1:
        return values
    even, odd = transform(values[0::2]), transform(values[1::2])
    turned = [cmath.exp(-2j * cmath.pi * k / n) * odd[k] for k in range(n // 2)]
    return [even[k] + turned[k] for k in range(n // 2)] + [even[k] - turned[k] for k in range(n // 2)]


def primes_below(limit):
    sieve = bytearray([1]) * limit
    sieve[0:2] = b"\0\0"
    for n in range(2, math.isqrt(limit) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, limit, n)))
    return [n for n, prime in enumerate(sieve) if prime]


def integrate(function, low, high, steps):
    """Simpson's rule."""
    width = (high - low) / steps
    total = function(low) + function(high)
    for i in range(1, steps):
        total += (4 if i % 2 else 2) * function(low + i * width)
    return total * width / 3


def noise(count, seed=1):
    """A linear congruential generator, so that every run is the same."""
    values = []
    for _ in range(count):
        seed = (1664525 * seed + 1013904223) % 2**32
        values.append(seed / 2**32)
    return values


def moments(values):
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance)


def fit_line(xs, ys):
    """Least squares."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x) ** 2 for x in xs)
    return slope, mean_y - slope * mean_x


def main():
    matrix = hilbert_like(24)
    solution = solve(matrix, [1.0] * 24)
    residual = max(abs(sum(a * x for a, x in zip(row, solution)) - 1.0) for row in matrix)
    assert residual < 1e-12, residual

    signal = [math.sin(2 * math.pi * 5 * t / 512) + 0.1 * value for t, value in enumerate(noise(512))]
    spectrum = [abs(value) for value in transform(signal)]
    assert max(range(1, 256), key=spectrum.__getitem__) == 5

    primes = primes_below(20000)
    assert len(primes) == 2262 and primes[-1] == 19997

    area = integrate(lambda x: math.exp(-x * x), -6, 6, 2000)
    assert abs(area - math.sqrt(math.pi)) < 1e-9, area

    mean, deviation = moments(noise(4000, seed=7))
    slope, offset = fit_line(list(range(200)), [3.0 * x + 1.0 for x in range(200)])
    assert abs(slope - 3.0) < 1e-9 and abs(offset - 1.0) < 1e-9
    print(f"{residual:.3e} {primes[-1]} {area:.9f} {mean:.6f} {deviation:.6f} {slope:.3f}")


main()
