// SPDX-License-Identifier: LGPL-2.1-or-later
// A share of memory that the core does not know: a GstBuffer, say. Two pointers, no allocation.
#pragma once
#include "common/proto/bytes.h"
#include <utility>

namespace reach::rtc {
class Handle {
public:
  struct Type {
    void (*ref) (void *);
    void (*unref) (void *);
    // What is in it; only of packets that are sent (SourcePacket).
    Bytes (*view) (void *) = nullptr;
  };

  Handle () = default;
  // Takes over one reference. `type` is static.
  static Handle adopt (void *object, const Type &type)
  {
    Handle h;
    h.object_ = object;
    h.type_ = &type;
    return h;
  }
  Handle (const Handle &o) : object_ (o.object_), type_ (o.type_)
  {
    if (object_)
      type_->ref (object_);
  }
  Handle (Handle &&o) noexcept : object_ (std::exchange (o.object_, nullptr)), type_ (o.type_) {}
  Handle &operator= (Handle o) noexcept
  {
    std::swap (object_, o.object_);
    std::swap (type_, o.type_);
    return *this;
  }
  ~Handle ()
  {
    if (object_)
      type_->unref (object_);
  }

  void *get () const { return object_; }
  const Type *type () const { return type_; }
  Bytes view () const { return type_->view (object_); }
  // The reference is the caller's, as what adopt () takes.
  [[nodiscard]] void *release () { return std::exchange (object_, nullptr); }
  explicit operator bool () const { return object_ != nullptr; }

private:
  void *object_ = nullptr;
  const Type *type_ = nullptr;
};
} // namespace reach::rtc
