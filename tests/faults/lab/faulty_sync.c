/*
 * fsync and fdatasync that fail, hang or are slow, when they are told to: a library to be loaded before the system's (LD_PRELOAD).
 *
 * The directory CORACLE_FAULTY_SYNC holds the orders, as empty files. Looked for at each call:
 *
 *   fail   the call fails with EIO and syncs nothing; the order is done, and its file is called "failed" from then on
 *   hang   the call waits as long as the file is there, and then syncs
 *   slow   the call takes 20 ms longer
 *
 * A call that waits makes a file "hanging", so that a test can see that it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int directory(void) {
  const char *path = getenv("CORACLE_FAULTY_SYNC");
  return path == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void pause_ms(long ms) {
  struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* Whether the call is to fail. */
static int obey(void) {
  int orders = directory();
  if (orders < 0) return 0;
  int fails = renameat(orders, "fail", orders, "failed") == 0;
  if (!fails && faccessat(orders, "hang", F_OK, 0) == 0) {
    int mark = openat(orders, "hanging", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (mark >= 0) close(mark);
    while (faccessat(orders, "hang", F_OK, 0) == 0) pause_ms(5);
  }
  if (!fails && faccessat(orders, "slow", F_OK, 0) == 0) pause_ms(20);
  close(orders);
  return fails;
}

static int synced(long call, int file) {
  int before = errno;
  if (obey()) {
    errno = EIO;
    return -1;
  }
  errno = before;
  return (int)syscall(call, file);
}

int fsync(int file) { return synced(SYS_fsync, file); }

int fdatasync(int file) { return synced(SYS_fdatasync, file); }
