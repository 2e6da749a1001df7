// Opens files until that is refused. Prints how many it holds.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int main(void) {
  int held = 3;
  while (held < 2000000 && open("/dev/null", O_RDONLY) >= 0) ++held;
  printf("%d\n", held);
  return held < 2000000 && errno == EMFILE ? 0 : 1;
}
