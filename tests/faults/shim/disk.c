// Loaded before libc (LD_PRELOAD): as long as the file KINFOLD_SHIM_SWITCH exists, files below KINFOLD_SHIM_FOLDER are
// on a bad disk. What the switch holds says which: "slow", each write and sync takes 30 ms; "fsync", syncs fail with
// EIO; "eio", writes and syncs fail with EIO. Each call that this slows or fails adds the first letter of the mode to the
// file KINFOLD_SHIM_HITS, so that a case can tell that its fault was there.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum mode { GOOD, SLOW, FSYNC, BROKEN };

static enum mode mode_of(int fd) {
  const char *folder = getenv("KINFOLD_SHIM_FOLDER"), *name = getenv("KINFOLD_SHIM_SWITCH");
  char link[64], path[4096], text[8] = {0};
  if (!folder || !name) return GOOD;
  int control = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
  if (control < 0) return GOOD;
  syscall(SYS_read, control, text, sizeof text - 1);
  syscall(SYS_close, control);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return GOOD;
  path[length] = 0;
  if (strncmp(path, folder, strlen(folder)) != 0) return GOOD;
  return text[0] == 's' ? SLOW : text[0] == 'f' ? FSYNC : text[0] == 'e' ? BROKEN : GOOD;
}

static void note_hit(char letter) {
  const char *name = getenv("KINFOLD_SHIM_HITS");
  if (!name) return;
  int hits = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (hits < 0) return;
  syscall(SYS_write, hits, &letter, 1);
  syscall(SYS_close, hits);
}

static int fails(int fd, int is_sync) {
  int saved = errno;
  enum mode mode = mode_of(fd);
  int hit = mode == SLOW || mode == BROKEN || (mode == FSYNC && is_sync);
  if (hit) note_hit(mode == SLOW ? 's' : mode == FSYNC ? 'f' : 'e');
  errno = saved;
  if (mode == SLOW) usleep(30000);
  if (hit && mode != SLOW) {
    errno = EIO;
    return 1;
  }
  return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count) {
  return fails(fd, 0) ? -1 : REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  return fails(fd, 0) ? -1 : REAL(pwrite)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  return fails(fd, 0) ? -1 : REAL(pwrite64)(fd, bytes, count, at);
}

int fsync(int fd) { return fails(fd, 1) ? -1 : REAL(fsync)(fd); }

int fdatasync(int fd) { return fails(fd, 1) ? -1 : REAL(fdatasync)(fd); }

int sync_file_range(int fd, off64_t from, off64_t count, unsigned int flags) {
  return fails(fd, 1) ? -1 : REAL(sync_file_range)(fd, from, count, flags);
}
