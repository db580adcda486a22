// SPDX-License-Identifier: LGPL-2.1-or-later
// Files of one folder for a web server: pages and scripts, read when they are asked for.
#pragma once
#include "common/proto/slice.h"
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace reach::rtc {
class StaticFiles {
public:
  static constexpr std::size_t max_file = 16 << 20, max_kept = 64 << 20; // bytes

  explicit StaticFiles (std::string folder) : folder_ (std::move (folder)) {}

  struct File {
    std::string type;
    Slice bytes; // the same for all who get it, so that many slow clients cost one copy
  };
  // path: of a request, still percent-encoded. Nothing for what is not a file below the folder, for
  // hidden names, and for what a link leads out of it to.
  std::optional<File> get (std::string_view path);

private:
  struct Kept {
    std::filesystem::file_time_type written;
    File file;
  };
  std::optional<File> read (const std::filesystem::path &file);

  const std::string folder_;
  std::map<std::filesystem::path, Kept> kept_;
  std::size_t kept_bytes_ = 0;
};
} // namespace reach::rtc
