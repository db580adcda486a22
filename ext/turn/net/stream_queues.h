// SPDX-License-Identifier: LGPL-2.1-or-later
// What streaming threads leave for peers on TCP (RFC 6062): bytes for each stream, up to a limit,
// behind which they wait or leave a buffer out. Whole buffers only, so that no stream is torn.
#pragma once
#include "common/guarded.h"
#include "common/proto/time.h"
#include <atomic>
#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <unordered_map>
#include <vector>

namespace reach::turn {
class StreamQueues {
public:
  using Id = unsigned; // 0: none
  using Flag = std::atomic<bool>;
  static constexpr std::size_t max_queued = 512 << 10; // bytes, and a buffer

  // Streaming threads. first: taken, and the loop has to be called.
  enum class Put : std::uint8_t { taken, first, full, gone };
  Put put (Id id, std::span<const iovec> pieces);
  // Until one of these has room, or is gone. False: `stop` was set.
  bool wait_room (std::span<const Id> ids, const Flag &stop);
  // Until all of these are empty, or gone. False: `stop`, or too late.
  bool wait_empty (std::span<const Id> ids, const Flag &stop, TimePoint deadline);
  void wake (); // behind a change of `stop`

  // Loop thread.
  Id add ();
  void remove (Id id);
  std::vector<std::uint8_t> take (Id id); // empty: nothing is there

private:
  struct Queue {
    std::vector<std::uint8_t> bytes;
    bool called = false;
  };
  using Map = std::unordered_map<Id, Queue>;
  Guarded<Map> queues_;
  Id last_ = 0;
};
} // namespace reach::turn
