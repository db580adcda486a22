// SPDX-License-Identifier: LGPL-2.1-or-later
// A received message and the storage it came into. The storage is asked for by size and filled
// once: the element layer's is a GstMemory, so that a payload is copied at most once in user space.
#pragma once
#include "message.h"
#include <memory>

namespace reach::cam {

class Storage {
public:
  virtual ~Storage () = default;
  virtual std::span<std::uint8_t> bytes () = 0;
};

class StorageSource {
public:
  virtual ~StorageSource () = default;
  // `size` was checked against the limits. nullptr refuses; the message is then a fault of the
  // peer.
  virtual std::unique_ptr<Storage> allocate (std::size_t size) = 0;
  // Where a stream's bytes are best read to: what is read there can be kept. Empty: anywhere.
  virtual std::span<std::uint8_t> area () { return {}; }
  // A message that begins at `begin`, where it was read to, and may still lack bytes. nullptr: it
  // cannot stay there and has to be copied.
  virtual std::unique_ptr<Storage> keep (const std::uint8_t *begin, std::size_t size)
  {
    return nullptr;
  }
};

// The plain StorageSource: for tests, and for control messages.
class VectorStorage final : public Storage, public StorageSource {
public:
  explicit VectorStorage (std::size_t n = 0) : data (n) {}
  std::span<std::uint8_t> bytes () override { return data; }
  std::unique_ptr<Storage> allocate (std::size_t size) override
  {
    return std::make_unique<VectorStorage> (size);
  }
  std::vector<std::uint8_t> data;
};

// The whole message: its 8-byte header, then header ().length bytes.
struct Incoming {
  std::unique_ptr<Storage> storage;

  Bytes bytes () const { return storage->bytes (); }
  MessageHeader header () const
  {
    return MessageHeader::parse (bytes ().first<MessageHeader::size> ());
  }
  Bytes body () const { return bytes ().subspan (MessageHeader::size); }
};
} // namespace reach::cam
