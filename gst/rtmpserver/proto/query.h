// SPDX-License-Identifier: LGPL-2.1-or-later
// What stands behind the question mark of an application, a stream's name or a URL, as RTMP clients
// write it. Those that log in put a further question mark behind one that is there.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace reach::rtmp {
// The first of this name, as it is: FFmpeg and librtmp encode nothing.
std::optional<std::string_view> parameter (std::string_view query, std::string_view name);
// The same text with *** for the values of these.
std::string redacted (std::string_view text, std::initializer_list<std::string_view> names);
} // namespace reach::rtmp
