#include <stdio.h>
#include <stdlib.h>

int main(void) {
  enum { limit = 2000000 };
  char* composite = calloc(limit + 1, 1);
  long count = 0, last = 0;
  if (composite == NULL) return 1;
  for (long n = 2; n <= limit; ++n) {
    if (composite[n]) continue;
    ++count;
    last = n;
    for (long multiple = n * n; multiple <= limit; multiple += n) composite[multiple] = 1;
  }
  printf("%ld primes up to %d, the last is %ld\n", count, limit, last);
  free(composite);
  return 0;
}
