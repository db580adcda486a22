// SPDX-License-Identifier: LGPL-2.1-or-later
// Just enough of a pull protocol to be served: what a reader says after connecting, and what it
// says while it reads. The content is thrown away unread, so that 400 readers cost little.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace reach::bench {

class PullClient {
public:
  // One for each reader.
  struct State {
    std::uint64_t total = 0; // bytes read
    std::uint64_t answered = 0;
    std::int64_t answered_at = 0; // ns
  };
  virtual ~PullClient () = default;
  virtual std::string greeting (std::uint64_t reader) const = 0;
  // What to send now; empty: nothing.
  virtual std::string answer (State &state, std::int64_t now) const = 0;
};

// "raw": a server that sends to whoever connects (tcpserversink, send-loop). "cam": one video
// channel of a camsender in pull mode. Null: no such protocol.
std::unique_ptr<PullClient> make_pull_client (const std::string &protocol);
} // namespace reach::bench
