// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory whose pages are those of a file without a name: when memory is short the kernel writes
// them out instead of stopping the process. It is gone with the process, whatever ends that.
#pragma once
#include "common/proto/slice.h"
#include "guarded.h"
#include <memory>
#include <string>
#include <vector>

namespace reach {
// One thread; what it hands out may be let go of on any, also after the FileStore is gone.
class FileStore {
public:
  static constexpr std::size_t chunk_size = 1u << 20; // mapped at a time; larger pieces alone

  // A file in `folder` (empty: the system's for large temporary files). Null: `error` says why.
  static std::unique_ptr<FileStore> open (std::string folder, std::string &error);

  struct Piece {
    std::span<std::uint8_t> bytes; // nobody else's; empty: the disk is full
    Counted<const Shared> owner;   // keeps them
  };
  Piece take (std::size_t size);

private:
  class File;
  class Chunk;
  explicit FileStore (std::shared_ptr<File> file) : file_ (std::move (file)) {}

  std::shared_ptr<File> file_;
  Counted<const Shared> chunk_; // the present one, and what is left of it
  std::span<std::uint8_t> left_;
};
} // namespace reach
