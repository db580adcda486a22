// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer in a process of its own, which a test can kill: the test program once more, told by its
// environment to be a peer instead.
#pragma once
#include "child_process.h"
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace reach::test {
class PeerProcess {
public:
  // `what` comes out of asked_for () in the other process.
  explicit PeerProcess (const std::string &what) { start (what); }
  ~PeerProcess () { kill (); }
  PeerProcess (const PeerProcess &) = delete;
  PeerProcess &operator= (const PeerProcess &) = delete;

  void start (const std::string &what) // again, after kill ()
  {
    std::string role = variable;
    role.append (1, '=').append (what);
    std::vector<char *> env;
    for (char **e = environ; *e; e++)
      env.push_back (*e);
    env.push_back (role.data ());
    char in_process[] = "CK_FORK=no";
    env.push_back (in_process);
    env.push_back (nullptr);
    char self[] = "/proc/self/exe";
    char *argv[] = {self, nullptr};
    pid_ = start_child (argv, env.data ());
  }
  void kill ()
  {
    const pid_t pid = std::exchange (pid_, -1);
    if (pid <= 0)
      return;
    const int status = end_child (pid, SIGKILL);
    fail_unless (WIFSIGNALED (status), "the peer had ended by itself: %d", status);
  }
  // In the peer, whose suite has one test that lasts until it is killed: what it is to be. Empty in
  // the test itself.
  static std::string asked_for ()
  {
    const char *what = std::getenv (variable);
    return what ? what : "";
  }

private:
  static constexpr const char *variable = "REACH_TEST_PEER";
  pid_t pid_ = -1;
};
} // namespace reach::test
