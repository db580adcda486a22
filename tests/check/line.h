// SPDX-License-Identifier: LGPL-2.1-or-later
// What a test and the processes of its peers say to each other.
#pragma once
#include "wait.h"
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::test {
// Whole messages between the test and the process of a side.
class Line {
public:
  explicit Line (int fd) : fd_ (fd) {}
  ~Line () { close (fd_); }
  Line (const Line &) = delete;
  Line &operator= (const Line &) = delete;
  void say (const std::string &text)
  {
    fail_unless (send (fd_, text.data (), text.size (), MSG_NOSIGNAL) ==
                 static_cast<ssize_t> (text.size ()));
  }
  std::string hear () // empty: the other one has ended, or says nothing
  {
    pollfd p{fd_, POLLIN, 0};
    char text[4096];
    if (poll (&p, 1, 2 * static_cast<int> (long_enough.count ())) != 1)
      return {};
    const ssize_t n = recv (fd_, text, sizeof text, 0);
    return {text, static_cast<std::size_t> (n > 0 ? n : 0)};
  }

private:
  const int fd_;
};
} // namespace reach::test
