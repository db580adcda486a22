// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that sockets read into and that messages stay in: a slab is shared by the messages it
// holds, and is used again when the last of them has let go of it. So a message costs neither a
// copy nor the page faults of fresh memory.
#pragma once
#include "common/proto/slice.h"
#include "guarded.h"
#include <memory>
#include <vector>

namespace reach {
// One thread; what it hands out may be let go of on any, also after the Slabs are gone.
class Slabs {
public:
  static constexpr std::size_t slab_size = 256u << 10;
  static constexpr std::size_t least_room = 64u << 10; // less is not worth a read
  static constexpr std::size_t max_spare = 8;          // slabs kept for the next use

  struct Piece {
    std::span<std::uint8_t> bytes; // nobody else's; empty: not possible
    Counted<const Shared> owner;   // keeps them
  };

  Slabs () : spare_ (std::make_shared<Guarded<Spare>> ()) { spare_->lock ()->reserve (max_spare); }

  // Where to read to, at least least_room. The same until keep () or take ().
  std::span<std::uint8_t> room ();
  // `size` bytes of what room () gave, from `begin`, which was not kept before; behind them begins
  // the next room. Empty when `begin` is elsewhere or the slab ends before them.
  Piece keep (const std::uint8_t *begin, std::size_t size);
  // Any `size` bytes, at most slab_size. What room () gave before can no longer be kept.
  Piece take (std::size_t size);

private:
  using Memory = std::unique_ptr<std::uint8_t[]>;
  using Spare = std::vector<Memory>;
  class Slab;
  void renew ();

  std::shared_ptr<Guarded<Spare>> spare_;
  Counted<const Shared> slab_; // the present one, and its bytes
  std::span<std::uint8_t> all_;
  std::size_t used_ = 0;
};
} // namespace reach
