// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes kept alive by an owner: how a payload travels through queues by reference. A GstBuffer in
// the element layer and a vector in a test are both just a Shared owner here.
#pragma once
#include "bytes.h"
#include <atomic>
#include <utility>

namespace reach {
// Intrusively counted, so that a reference costs no allocation and a copy one atomic add.
class Shared {
public:
  Shared () = default;
  Shared (const Shared &) = delete;
  Shared &operator= (const Shared &) = delete;
  virtual ~Shared () = default;

  void ref () const noexcept { count_.fetch_add (1, std::memory_order_relaxed); }
  void unref () const noexcept
  {
    if (count_.fetch_sub (1, std::memory_order_acq_rel) == 1)
      delete this;
  }

private:
  mutable std::atomic<std::uint32_t> count_{1};
};

// Owns one count of a Shared.
template <typename T> class Counted {
public:
  Counted () = default;
  static Counted adopt (T *p) noexcept
  {
    Counted c;
    c.p_ = p;
    return c;
  }
  template <typename... Args> static Counted make (Args &&...args)
  {
    return adopt (new T (std::forward<Args> (args)...));
  }
  Counted (const Counted &o) noexcept : p_ (o.p_)
  {
    if (p_)
      p_->ref ();
  }
  Counted (Counted &&o) noexcept : p_ (std::exchange (o.p_, nullptr)) {}
  template <typename U> Counted (const Counted<U> &o) noexcept : p_ (o.get ())
  {
    if (p_)
      p_->ref ();
  }
  Counted &operator= (Counted o) noexcept
  {
    std::swap (p_, o.p_);
    return *this;
  }
  ~Counted ()
  {
    if (p_)
      p_->unref ();
  }
  T *get () const { return p_; }
  [[nodiscard]] T *release () noexcept { return std::exchange (p_, nullptr); }
  T *operator->() const { return p_; }
  T &operator* () const { return *p_; }
  explicit operator bool () const { return p_ != nullptr; }

private:
  T *p_ = nullptr;
};

struct Slice {
  Bytes bytes;
  Counted<const Shared> owner; // keeps `bytes` valid; empty for static data

  std::size_t size () const { return bytes.size (); }
  Slice sub (std::size_t from, std::size_t n) const { return {bytes.subspan (from, n), owner}; }
};

// A vector as an owner.
class SharedBytes final : public Shared {
public:
  explicit SharedBytes (std::vector<std::uint8_t> v) : data (std::move (v)) {}
  const std::vector<std::uint8_t> data;
};

inline Slice slice_of (std::vector<std::uint8_t> v)
{
  auto owner = Counted<const SharedBytes>::make (std::move (v));
  const Bytes b = owner->data;
  return {b, owner};
}
} // namespace reach
