// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages of the Data Channel Establishment Protocol (RFC 8832).
#pragma once
#include "common/proto/bytes.h"
#include <optional>
#include <variant>

namespace reach::rtc {
// How messages of a channel are delivered. At most one of the two limits.
struct Reliability {
  bool ordered = true;
  std::optional<std::uint32_t> max_retransmits, max_lifetime; // times; milliseconds
};

struct DcepOpen {
  std::string label, protocol; // UTF-8, 65535 bytes at most
  std::uint16_t priority = 256;
  Reliability reliability;
};
struct DcepAck {};
using DcepMessage = std::variant<DcepOpen, DcepAck>;

constexpr std::uint32_t ppid_dcep = 50, ppid_string = 51, ppid_binary = 53, ppid_string_empty = 56,
                        ppid_binary_empty = 57;
// Of pieces of messages, which old implementations sent; not accepted.
constexpr std::uint32_t ppid_binary_partial = 52, ppid_string_partial = 54;

std::vector<std::uint8_t> dcep_build (const DcepMessage &message);
// Nothing when it is not exactly one message, or its strings are longer than the limit.
std::optional<DcepMessage> dcep_parse (Bytes in, std::size_t max_string);
} // namespace reach::rtc
