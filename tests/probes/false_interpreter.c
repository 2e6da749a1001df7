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

static void say_bytes(const char* answer, size_t size) {
  if (write(control(), answer, size) < 0) _exit(2);
}

static void say(const char* answer) {
  say_bytes(answer, strlen(answer));
}

static void say_from_child(const char* answer) {
  const pid_t child = fork();
  if (child < 0) _exit(5);
  if (child == 0) say(answer);
  for (;;) pause();
}

static void fill_pipe(void) {
  for (int i = 0; i < 200; ++i)
    puts("a line that is written at the start, and fills the pipe with many like it ........");
  for (;;)
    if (puts("more of it") < 0 || fflush(stdout) != 0) _exit(6);
}

static void hear(void) {
  char word = 0;
  if (read(control(), &word, 1) != 1) _exit(3);
}

int main(void) {
  if (control() < 0) return puts("started for the job") < 0;
  char manner[40] = "";
  const int file = open("/manner", O_RDONLY);
  if (file < 0 || read(file, manner, sizeof manner - 1) < 0) return 4;
  if (strcmp(manner, "exits") == 0) return 0;
  if (strcmp(manner, "rubbish") == 0) say("rubbish");
  if (strcmp(manner, "wrong word") == 0) say("P");
  if (strcmp(manner, "declines") == 0) say("D\3");
  if (strcmp(manner, "speaks from a child at its start") == 0) say_from_child("R");
  if (strcmp(manner, "is never ready") == 0) pause();
  if (strcmp(manner, "fills the pipe") == 0) fill_pipe();
  if (strcmp(manner, "writes and declines the job") == 0 && (puts("told at the start") < 0 || fflush(stdout) != 0))
    return 7;
  say("R");
  if (strcmp(manner, "leaves a child") == 0 && fork() == 0) pause();
  if (strcmp(manner, "exits while it waits") == 0) return 0;
  if (strcmp(manner, "speaks while it waits") == 0) say("P");
  hear();
  if (strcmp(manner, "exits at the job") == 0) return 0;
  if (strcmp(manner, "rubbish at the job") == 0) say("rubbish");
  if (strcmp(manner, "ready again at the job") == 0) say("R");
  if (strcmp(manner, "speaks from a child") == 0) say_from_child("P");
  if (strcmp(manner, "writes and declines the job") == 0) say_bytes("D\3\0\0\0why", 8);
  if (strcmp(manner, "fails with half a character") == 0) say_bytes("F\1\0\0\0s\3\0\0\0ob\xc3\5\0\0\0", 17);
  if (strcmp(manner, "leaves a child") == 0) say("P");
  for (;;) pause();  // silent at the job
}
