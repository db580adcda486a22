// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP/1.1 responses as a server writes them: heads, chunk framing, and short answers.
#pragma once
#include "http1.h"
#include <array>

namespace reach::http {

const char *reason_phrase (unsigned status);

class ResponseHead {
public:
  explicit ResponseHead (unsigned status);
  // A value with a line break or another control character is dropped, so that nothing from outside
  // can add a header.
  ResponseHead &header (std::string_view name, std::string_view value);
  ResponseHead &length (std::uint64_t n);
  ResponseHead &chunked ();
  ResponseHead &close (bool on = true); // "Connection: close" (on) or keep-alive (off)
  std::string done ();                  // call once, last

private:
  std::string text_;
};

// The size line before a chunk of n > 0 bytes; chunk_end comes behind it.
class ChunkHead {
public:
  explicit ChunkHead (std::uint64_t n);
  Bytes bytes () const { return {text_.data (), size_}; }

private:
  std::array<std::uint8_t, 18> text_{};
  std::size_t size_ = 0;
};
constexpr std::string_view chunk_end = "\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";

constexpr std::string_view continue_100 = "HTTP/1.1 100 Continue\r\n\r\n";

// A whole response with a sentence in plain text; without the text when `head_only`.
std::string short_response (
    unsigned status, std::string_view sentence, bool keep_alive, bool head_only = false);
} // namespace reach::http
