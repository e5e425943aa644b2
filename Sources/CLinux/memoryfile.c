// SPDX-License-Identifier: ISC

#define _GNU_SOURCE
#include "memoryfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int talaria_memory_file(const char *name, size_t size) {
  int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0 || ftruncate(file, (off_t)size) == 0) return file;
  int kept = errno;
  close(file);
  errno = kept;
  return -1;
}

int talaria_seal(int file) {
  return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

int talaria_is_written(int file) {
  struct stat facts;
  return fstat(file, &facts) != 0 ? -1 : facts.st_blocks > 0;
}

int talaria_memory_write(int file, const uint8_t *bytes, size_t length, size_t offset) {
  struct stat facts;
  if (fstat(file, &facts) != 0) return -1;
  if (facts.st_size < 0 || length > (size_t)facts.st_size || offset > (size_t)facts.st_size - length)
    return errno = EFBIG, -1;
  uint8_t *content = mmap(NULL, (size_t)facts.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (content == MAP_FAILED) return -1;
  memcpy(content + offset, bytes, length);
  return munmap(content, (size_t)facts.st_size);
}
