// SPDX-License-Identifier: LGPL-2.1-or-later
// Small files that an application writes and we read. Any thread; may wait for the disk.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace reach {
constexpr std::size_t max_text_file = 16u << 20;

// Nothing, and `error` in words: it is not there, not a plain file, cannot be read or is too large.
std::optional<std::string> read_text_file (const std::string &path, std::string &error);

// Which file it is, and what says that it was changed. All zero: it is not there.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified = 0, changed = 0; // ns
  static FileStamp of (const std::string &path);
  bool operator== (const FileStamp &) const = default;
};
} // namespace reach
