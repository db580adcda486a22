// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of files that a peer gives.
#pragma once
#include <string>
#include <string_view>

namespace reach::cam {
constexpr std::size_t max_safe_name = 200; // bytes; leaves room for " (999)"

// A name for a file in a folder, whatever comes in: no folders (what is before the last / or
// \ goes), no control characters, nothing but UTF-8, no dot in front, not empty, at most
// max_safe_name bytes, of which the ending (".mp4") is kept.
std::string safe_file_name (std::string_view name);
// "clip.mp4", 2 → "clip (2).mp4".
std::string numbered_file_name (const std::string &name, unsigned number);
} // namespace reach::cam
