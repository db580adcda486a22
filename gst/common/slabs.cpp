// SPDX-License-Identifier: LGPL-2.1-or-later
#include "slabs.h"

namespace reach {
namespace {
constexpr std::size_t alignment = 16; // of each room
} // namespace

class Slabs::Slab final : public Shared {
public:
  explicit Slab (std::shared_ptr<Guarded<Spare>> spare) : spare_ (std::move (spare))
  {
    if (auto s = spare_->lock (); !s->empty ()) {
      memory_ = std::move (s->back ()); // the last one used: it may still be in the cache
      s->pop_back ();
    }
    if (!memory_)
      memory_ = std::make_unique_for_overwrite<std::uint8_t[]> (slab_size);
  }
  ~Slab () override
  {
    auto s = spare_->lock ();
    if (s->size () < max_spare)
      s->push_back (std::move (memory_));
  }
  std::span<std::uint8_t> bytes () { return {memory_.get (), slab_size}; }

private:
  std::shared_ptr<Guarded<Spare>> spare_;
  Memory memory_;
};

void Slabs::renew ()
{
  slab_ = {}; // it may be the one that is used again
  auto slab = Counted<Slab>::make (spare_);
  all_ = slab->bytes ();
  slab_ = slab;
  used_ = 0;
}

std::span<std::uint8_t> Slabs::room ()
{
  used_ = std::min (all_.size (), (used_ + alignment - 1) & ~(alignment - 1));
  if (all_.size () - used_ < least_room)
    renew ();
  return all_.subspan (used_);
}

Slabs::Piece Slabs::keep (const std::uint8_t *begin, std::size_t size)
{
  const auto base = reinterpret_cast<std::uintptr_t> (all_.data ()),
             at = reinterpret_cast<std::uintptr_t> (begin);
  if (at < base + used_ || at - base > all_.size () || size > all_.size () - (at - base))
    return {};
  used_ = at - base + size;
  return {all_.subspan (at - base, size), slab_};
}

Slabs::Piece Slabs::take (std::size_t size)
{
  if (size > slab_size)
    return {};
  renew ();
  return keep (all_.data (), size);
}
} // namespace reach
