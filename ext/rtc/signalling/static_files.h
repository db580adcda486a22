// SPDX-License-Identifier: LGPL-2.1-or-later
// Files of one folder for a web server: pages and scripts, read when they are asked for.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace reach::rtc {
class StaticFiles {
public:
  static constexpr std::size_t max_file = 16 << 20; // bytes

  explicit StaticFiles (std::string folder) : folder_ (std::move (folder)) {}

  struct File {
    std::string type, bytes;
  };
  // path: of a request, still percent-encoded. Nothing for what is not a file below the folder, for
  // hidden names, and for what a link leads out of it to.
  std::optional<File> get (std::string_view path) const;

private:
  const std::string folder_;
};
} // namespace reach::rtc
