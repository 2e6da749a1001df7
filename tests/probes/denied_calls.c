// Makes every call of a list, each line "abi number pattern expected", and sees that it is answered as expected: by the
// errno of that value, or ("killed") by SIGSYS. "nothing" is for the calls that recent kernels let past every filter
// and refuse themselves: ENOSYS, ENXIO or SIGILL. "fault" is for those that the machine does not have: SIGSEGV. Prints
// one line a call. The calls of an errno are made by one child, so that one that gets through and ends its process is
// seen, and those after it are not made.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { max_calls = 16384 };
// Answers: an errno, 0 for success, a signal's negative, or one of these.
enum { not_made = -1000, unanswered = -1001 };

struct call {
  char abi[8], pattern[8], expected[8];
  long number, answer;
};

static unsigned long pattern_value(const char* name) {
  if (strcmp(name, "zeros") == 0) return 0;
  return strcmp(name, "high") == 0 ? 0xffffffff00000000UL : ~0UL;
}

// As the kernel answers, without errno: a call that got through may have unmapped or replaced what libc needs.
static long native(long number, unsigned long v) {
  long answer = number;
  register unsigned long r10 __asm__("r10") = v, r8 __asm__("r8") = v, r9 __asm__("r9") = v;
  __asm__ volatile("syscall"
                   : "+a"(answer)
                   : "D"(v), "S"(v), "d"(v), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return answer;
}

static long i386(long number, unsigned long v) {
  long answer = number;
  __asm__ volatile(
      "lea -128(%%rsp), %%rsp\n push %%rbx\n push %%rbp\n mov %1, %%rbx\n mov %1, %%rbp\n"
      "int $0x80\n pop %%rbp\n pop %%rbx\n lea 128(%%rsp), %%rsp"
      : "+a"(answer)
      : "c"(v), "d"(v), "S"(v), "D"(v)
      : "r8", "r9", "r10", "r11", "memory");
  return answer;
}

static void make(struct call* c) {
  const unsigned long v = pattern_value(c->pattern);
  const int is_i386 = strcmp(c->abi, "i386") == 0;
  const long number = c->number + (strcmp(c->abi, "x32") == 0 ? 0x40000000 : 0);
  c->answer = unanswered;
  const long answer = is_i386 ? i386(number, v) : native(number, v);
  c->answer = answer < 0 && answer > -4096 ? -answer : 0;
}

static int is_errno(const struct call* c) {
  return c->expected[0] >= '0' && c->expected[0] <= '9';
}

static void make_in_child(struct call* calls, int count) {
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < count; ++i) make(&calls[i]);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) exit(2);
  for (int i = 0; i < count; ++i)
    if (calls[i].answer == unanswered && WIFSIGNALED(status)) calls[i].answer = -WTERMSIG(status);
}

static int report(const struct call* c) {
  char got[40];
  snprintf(got, sizeof got, "%ld", c->answer);
  if (c->answer < 0) snprintf(got, sizeof got, "signal %ld", -c->answer);
  if (c->answer == -SIGSYS) strcpy(got, "killed");
  if (c->answer == -SIGSEGV) strcpy(got, "fault");
  if (c->answer == not_made) strcpy(got, "not made");
  if (c->answer == unanswered) strcpy(got, "ended");
  const int is_nothing = c->answer == ENOSYS || c->answer == ENXIO || c->answer == -SIGILL;
  if (is_nothing && strcmp(c->expected, "nothing") == 0) strcpy(got, "nothing");
  const int held = strcmp(got, c->expected) == 0;
  printf("%s: %s %ld %s %s\n", held ? "held" : "GOT THROUGH", c->abi, c->number, c->pattern, got);
  return held;
}

int main(int argc, char** argv) {
  FILE* list = argc == 2 ? fopen(argv[1], "r") : NULL;
  struct call* calls = mmap(NULL, max_calls * sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (list == NULL || calls == MAP_FAILED) return 2;
  int count = 0;
  for (; count < max_calls; ++count) {
    struct call* c = &calls[count];
    if (fscanf(list, "%7s %ld %7s %7s", c->abi, &c->number, c->pattern, c->expected) != 4) break;
    c->answer = not_made;
  }
  for (int i = 0; i < count;) {
    int together = 1;
    while (is_errno(&calls[i]) && i + together < count && is_errno(&calls[i + together])) ++together;
    make_in_child(&calls[i], together);
    i += together;
  }
  int all_held = count > 0;
  for (int i = 0; i < count; ++i) all_held &= report(&calls[i]);
  return all_held ? 0 : 1;
}
