# SPDX-License-Identifier: ISC
"""A name service of the case's own, which is asked over a Unix socket, as that of sssd is."""

import glob
import os
import shutil
import socket
import subprocess
import threading

from .case import Failed, Skipped
from .namespace import seeing

# Loaded by the C library in the place of the one of this name, which nothing uses any more.
NAME = "compat"

# As the library of sssd does it: it does not wait but in poll(2), and its socket is looked at first.
MODULE = r"""
#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int wait_for(int fd, short events) {
  struct pollfd one = {fd, events, 0};
  return poll(&one, 1, 5000) == 1 && (one.revents & events);
}

static enum nss_status ask(const char *question, struct passwd *entry, char *room, size_t size, int *error) {
  struct sockaddr_un place = {AF_UNIX, SOCKET};
  struct stat facts;
  unsigned uid, gid;
  ssize_t count;
  int read_count = 0;
  *error = ENOENT;
  if (stat(SOCKET, &facts) != 0 || !S_ISSOCK(facts.st_mode)) return NSS_STATUS_UNAVAIL;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return NSS_STATUS_UNAVAIL;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (connect(fd, (struct sockaddr *)&place, sizeof place) != 0 || !wait_for(fd, POLLOUT) ||
      send(fd, question, strlen(question), MSG_NOSIGNAL) < 0 || !wait_for(fd, POLLIN) ||
      (count = read(fd, room, size - 1)) < 0) {
    close(fd);
    return NSS_STATUS_UNAVAIL;
  }
  close(fd);
  room[count] = 0;
  if (count == 0) return NSS_STATUS_NOTFOUND;
  // NAME UID GID HOME, with ends in place of the spaces.
  char *rest = strchr(room, ' ');
  if (rest == NULL || sscanf(rest, " %u %u %n", &uid, &gid, &read_count) != 2) return NSS_STATUS_UNAVAIL;
  *rest = 0;
  *entry = (struct passwd){room, "*", uid, gid, "", rest + read_count, "/usr/sbin/nologin"};
  return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_compat_getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size, int *error) {
  char question[300];
  snprintf(question, sizeof question, "name %s\n", name);
  return ask(question, entry, room, size, error);
}

enum nss_status _nss_compat_getpwuid_r(uid_t uid, struct passwd *entry, char *room, size_t size, int *error) {
  char question[300];
  snprintf(question, sizeof question, "uid %u\n", uid);
  return ask(question, entry, room, size, error);
}
"""


class NameService:
    """Knows the users that it is given: {name: (uid, gid, home)}. `command` is what to put before a command that
    is to know them, too."""

    def __init__(self, bench, users):
        self.users = users
        self.questions = []
        compiler = shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            raise Skipped("there is no compiler of C")
        path = bench.path("names.sock")
        source, module = bench.write("names.c", MODULE), bench.path("names.so")
        done = subprocess.run([compiler, "-shared", "-fPIC", f'-DSOCKET="{path}"', "-o", module, source],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"the module: {done.stderr[-600:]}")
        theirs = glob.glob(f"/lib/*/libnss_{NAME}.so.2") + glob.glob(f"/lib*/libnss_{NAME}.so.2")
        if not theirs:
            raise Skipped(f"the C library has no libnss_{NAME}.so.2 to put one in the place of")
        switch = bench.write("nsswitch.conf", f"passwd: files {NAME}\ngroup: files\nshadow: files\nhosts: files dns\n")
        self.command = seeing(bench, {os.path.realpath(theirs[0]): module, "/etc/nsswitch.conf": switch})
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        # As those of name services: whoever wants to know may ask.
        os.chmod(path, 0o666)
        self.server.listen(64)
        bench.at_end(self.server.close)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection:
                kind, _, what = connection.makefile().readline().strip().partition(" ")
                self.questions.append(what)
                for name, (uid, gid, home) in self.users.items():
                    if what == (name if kind == "name" else str(uid)):
                        connection.sendall(f"{name} {uid} {gid} {home}".encode())
