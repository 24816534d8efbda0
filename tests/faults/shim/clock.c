// Loaded before libc (LD_PRELOAD): the wall clock is off by as many seconds as the file KINFOLD_SHIM_CLOCK says, from one
// call to the next. The monotonic clock goes on as it is.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t off(void) {
  const char *name = getenv("KINFOLD_SHIM_CLOCK");
  char text[16] = {0};
  int saved = errno, control = name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC) : -1;
  if (control >= 0) {
    syscall(SYS_read, control, text, sizeof text - 1);
    syscall(SYS_close, control);
  }
  errno = saved;
  return (time_t)atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += off();
  return result;
}

int gettimeofday(struct timeval *now, void *zone) {
  int result = (int)syscall(SYS_gettimeofday, now, zone);
  if (result == 0) now->tv_sec += off();
  return result;
}

time_t time(time_t *now) {
  struct timespec real;
  clock_gettime(CLOCK_REALTIME, &real);
  if (now) *now = real.tv_sec;
  return real.tv_sec;
}
