// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parts of a media server tell each other, across threads.
#pragma once
#include "bandwidth.h"
#include "cam/net/transport.h"
#include "cam/proto/file_transfer.h"
#include "cam/proto/hello.h"
#include "cam/proto/media_queue.h"
#include <array>
#include <memory>
#include <optional>

namespace reach::cam {

// A client's link: the relay (loop) that has it, and its key.
struct Where {
  unsigned relay = 0;
  std::uint64_t link = 0;
  bool operator== (const Where &) const = default;
};

// A stream of a sender, with the number that it has in the whole server.
struct NumberedStream {
  std::uint16_t theirs = 0;
  StreamInfo info;
};

// What the hub makes of a sender's link: its source's number, and the streams of this link's type.
struct Role {
  std::uint32_t source = 0;
  std::vector<NumberedStream> streams;
  std::shared_ptr<Bandwidth> bandwidth; // null: no limit
};

// A file that a sender has begun, and the receivers that get it.
struct FileJob {
  struct Receiver {
    std::string guid;
    std::optional<Where> link;
  };
  std::uint64_t id = 0; // the server's
  FileBegin begin;      // with the sender's id
  std::vector<Receiver> receivers;
};

// How a client's link ended.
struct LinkEnd {
  bool idle = false;     // the client had nothing to send
  bool orderly = false;  // it said bye
  bool stopping = false; // and that it does not come back
  std::string detail;
};

// A client's link that asks to be let in. The token is a secret: it goes nowhere but to who
// decides.
struct Login {
  std::uint64_t id = 0; // of the answer
  std::string guid, token, address, transport;
};
enum class Verdict : std::uint8_t { yes, no, busy }; // busy: it may try again

struct ClientEvent {
  enum class What : std::uint8_t { connected, disconnected, rejected };
  What what{};
  std::optional<LinkRole> role;   // none: rejected before it could say
  std::string guid, peer, reason; // reason: but for connected
};

// Counted by each relay.
struct RelayCounters {
  std::uint64_t frames_received = 0, frames_discarded = 0, frames_sent = 0, key_requests = 0,
                frames_limited = 0, bytes_received = 0, bytes_sent = 0;
  MediaQueue::Stats queues;
  std::size_t cached_bytes = 0, links = 0;

  void add (const RelayCounters &o)
  {
    frames_received += o.frames_received;
    frames_discarded += o.frames_discarded;
    frames_sent += o.frames_sent;
    key_requests += o.key_requests;
    frames_limited += o.frames_limited;
    bytes_received += o.bytes_received;
    bytes_sent += o.bytes_sent;
    add (o.queues);
    cached_bytes += o.cached_bytes;
    links += o.links;
  }
  void add (const MediaQueue::Stats &q)
  {
    queues.frames_dropped += q.frames_dropped;
    queues.bytes_dropped += q.bytes_dropped;
    queues.gops_dropped += q.gops_dropped;
    queues.messages += q.messages;
  }
};
} // namespace reach::cam
