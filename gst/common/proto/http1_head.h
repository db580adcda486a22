// SPDX-License-Identifier: LGPL-2.1-or-later
// The lines of a request head, one function each. Used by RequestParser.
#pragma once
#include "http1.h"

namespace reach::http {

bool is_token (std::string_view s);
// Field values: visible characters, spaces, tabs and bytes above 0x7f; no other controls.
bool is_field_text (std::string_view s);
std::string to_lower (std::string_view s);
std::string_view trim (std::string_view s); // spaces and tabs at both ends

Fault parse_request_line (std::string_view line, Request &out);
Fault parse_header_line (std::string_view line, Header &out);
// Framing and connection fields, once all headers are there.
Fault interpret_headers (Request &r);
// "1f;name=value" → 31.
std::optional<std::uint64_t> parse_chunk_size (std::string_view line);
} // namespace reach::http
