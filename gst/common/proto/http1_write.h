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

// The size line before a chunk of n > 0 bytes. Chunks after the first start with the CRLF that ends
// the one before, so that a chunk costs one small piece and its payload.
class ChunkHead {
public:
  explicit ChunkHead (std::uint64_t n, bool first);
  Bytes bytes () const { return {text_.data (), size_}; }

private:
  std::array<std::uint8_t, 20> text_{};
  std::size_t size_ = 0;
};
// What ends a chunked body after its last chunk (after_chunk) or without any.
std::string_view last_chunk (bool after_chunk);

constexpr std::string_view continue_100 = "HTTP/1.1 100 Continue\r\n\r\n";

// A whole response with a sentence in plain text; without the text when `head_only`.
std::string short_response (
    unsigned status, std::string_view sentence, bool keep_alive, bool head_only = false);
} // namespace reach::http
