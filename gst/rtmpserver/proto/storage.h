// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the payloads of a connection are put. Whoever owns the connection may give memory of its
// own, so that a payload can be passed on as it is.
#pragma once
#include "common/proto/slice.h"
#include <memory>

namespace reach::rtmp {
class Storage : public Shared {
public:
  virtual std::span<std::uint8_t> bytes () = 0;
};

class StorageSource {
public:
  virtual ~StorageSource () = default;
  // `size` is within the limits. Empty refuses; the peer is then at fault.
  virtual Counted<Storage> allocate (std::size_t size) = 0;
  // Bytes of the present input can stay where they were read to: who keeps them there. Empty: they
  // are copied.
  virtual Counted<const Shared> keep (Bytes) { return {}; }
};

class HeapStorage final : public Storage {
public:
  explicit HeapStorage (std::size_t n)
      : data_ (std::make_unique_for_overwrite<std::uint8_t[]> (n)), size_ (n)
  {
  }
  std::span<std::uint8_t> bytes () override { return {data_.get (), size_}; }

private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_;
};

class HeapSource final : public StorageSource {
public:
  Counted<Storage> allocate (std::size_t size) override
  {
    return Counted<HeapStorage>::make (size);
  }
};
} // namespace reach::rtmp
