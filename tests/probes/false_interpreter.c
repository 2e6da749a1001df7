// Stands in an image as its python3, and does not do what an interpreter that waits for a job is to do: the file
// /manner says how. Given a job by its command line it is none, and says so.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int control(void) {
  const char* const fds = getenv("CORDON_PRESTART");
  return fds == NULL ? -1 : atoi(fds);
}

static void say(const char* answer) {
  if (write(control(), answer, strlen(answer)) < 0) _exit(2);
}

static void hear(void) {
  char word = 0;
  if (read(control(), &word, 1) != 1) _exit(3);
}

int main(void) {
  if (control() < 0) return puts("started for the job") < 0;
  char manner[32] = "";
  const int file = open("/manner", O_RDONLY);
  if (file < 0 || read(file, manner, sizeof manner - 1) < 0) return 4;
  if (strcmp(manner, "exits") == 0) return 0;
  if (strcmp(manner, "rubbish") == 0) say("rubbish");
  if (strcmp(manner, "wrong word") == 0) say("P");
  if (strcmp(manner, "declines") == 0) say("D\3");
  say("R");
  if (strcmp(manner, "exits while it waits") == 0) return 0;
  if (strcmp(manner, "speaks while it waits") == 0) say("P");
  hear();
  if (strcmp(manner, "exits at the job") == 0) return 0;
  if (strcmp(manner, "rubbish at the job") == 0) say("rubbish");
  if (strcmp(manner, "ready again at the job") == 0) say("R");
  for (;;) pause();  // silent at the job
}
