// SPDX-License-Identifier: LGPL-2.1-or-later
// The file in which a media server's state outlives its process: the state (docs/
// protocol-cam-server.md, What is kept) and its SHA-256 behind it.
#pragma once
#include "common/proto/bytes.h"
#include <optional>
#include <string>
#include <vector>

namespace reach::cam {
constexpr std::size_t max_state_file = 256u << 20;

// All of it is there, or what was there before, whenever process or machine stop. False and
// `error`: nothing has changed. Waits for the disk.
bool store_state (const std::string &path, Bytes state, std::string &error);
// Empty when there is no such file. No value and `error`: it cannot be read, is damaged, or is
// something else.
std::optional<std::vector<std::uint8_t>> load_state (const std::string &path, std::string &error);
} // namespace reach::cam
