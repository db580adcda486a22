// SPDX-License-Identifier: LGPL-2.1-or-later
// A program that ends with the test that started it, whatever ends that. Not a GSubprocess: GLib's
// thread that waits for those is not in a forked test.
#pragma once
#include "check.h"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reach::test {
// argv[0] is looked for in PATH. `quiet`: what it prints goes nowhere.
inline pid_t start_child (char *const *argv, char *const *env = environ, bool quiet = false)
{
  const pid_t pid = ::fork ();
  // Nothing but system calls in the child, not even fail_unless (), which allocates: at the fork
  // other threads may have held the locks of malloc ().
  if (pid == 0) {
    ::prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (quiet) {
      const int nowhere = ::open ("/dev/null", O_WRONLY);
      ::dup2 (nowhere, STDOUT_FILENO);
      ::dup2 (nowhere, STDERR_FILENO);
    }
    ::execvpe (argv[0], argv, env);
    ::_exit (127);
  }
  fail_unless (pid > 0, "no process for %s", argv[0]);
  return pid;
}

// Its status, as of waitpid ().
inline int end_child (pid_t pid, int signal)
{
  ::kill (pid, signal);
  int status = 0;
  while (::waitpid (pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}
} // namespace reach::test
