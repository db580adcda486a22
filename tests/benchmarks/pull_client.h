// SPDX-License-Identifier: LGPL-2.1-or-later
// Just enough of a pull protocol to be served: what a reader says after connecting, and what it
// says while it reads. The content is thrown away unread, so that 400 readers cost little.
#pragma once
#include "frame_times.h"
#include <memory>

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
  // Bytes in front of each message from the server, the last four of them the length of what
  // follows; behind the first message goes what after_first () says. 0: nobody waits for one.
  virtual std::size_t first_header () const { return 0; }
  virtual std::string after_first () const { return {}; }
  // What to send now; empty: nothing.
  virtual std::string answer (State &state, std::int64_t now) const = 0;
  // It must be heard once a second also while nothing comes.
  virtual bool keeps_alive () const { return false; }
  // Of a reader that looks at frames. Null: it cannot.
  virtual std::unique_ptr<FrameTimes> times () const { return nullptr; }
};

// Option protocol: "raw": a server that sends to whoever connects (tcpserversink, send-loop).
// "cam": one video channel of a camsender in pull mode. "cam-client": clients of a cammediaserver;
// option links: so many of each, 1 to 5. "cam-group": the same, members of the group "bench"; the
// first is the sender's own client, "source". "rtmp": players of live/bench. "rtmp-idle":
// clients that are connected and do nothing. "rtmp-raw": send-loop with its option rtmp. Null: no
// such protocol.
std::unique_ptr<PullClient> make_pull_client (const Options &options);
} // namespace reach::bench
