// SPDX-License-Identifier: LGPL-2.1-or-later
// The paths and limits that both sides of cam over HTTP know (docs/protocol-cam-http.md).
#pragma once
#include <cstddef>
#include <string_view>

namespace reach::cam {
constexpr std::string_view pull_path = "/cam/v1/pull/";
constexpr std::string_view push_path = "/cam/v1/push/";
constexpr std::string_view up_path = "/cam/v1/up/";
constexpr std::size_t max_hello_text =
    6144; // so that the request line fits the 8 KB of most proxies
constexpr std::size_t max_post = 64 << 10;
} // namespace reach::cam
