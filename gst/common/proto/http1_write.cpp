// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http1_write.h"
#include "http1_head.h"

namespace reach::http {

const char *reason_phrase (unsigned status)
{
  switch (status) {
  case 100:
    return "Continue";
  case 101:
    return "Switching Protocols";
  case 200:
    return "OK";
  case 204:
    return "No Content";
  case 400:
    return "Bad Request";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 417:
    return "Expectation Failed";
  case 426:
    return "Upgrade Required";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Status";
  }
}

ResponseHead::ResponseHead (unsigned status)
    : text_ ("HTTP/1.1 " + std::to_string (status) + " " + reason_phrase (status) + "\r\n")
{
}

ResponseHead &ResponseHead::header (std::string_view name, std::string_view value)
{
  if (is_token (name) && is_field_text (value))
    text_.append (name).append (": ").append (value).append ("\r\n");
  return *this;
}

ResponseHead &ResponseHead::length (std::uint64_t n)
{
  return header ("Content-Length", std::to_string (n));
}

ResponseHead &ResponseHead::chunked ()
{
  return header ("Transfer-Encoding", "chunked");
}

ResponseHead &ResponseHead::close (bool on)
{
  return header ("Connection", on ? "close" : "keep-alive");
}

std::string ResponseHead::done ()
{
  text_ += "\r\n";
  return std::move (text_);
}

ChunkHead::ChunkHead (std::uint64_t n)
{
  constexpr std::string_view hex = "0123456789abcdef";
  const auto put = [this] (char c) { text_[size_++] = static_cast<std::uint8_t> (c); };
  unsigned digits = 1;
  while (digits < 16 && n >> (4 * digits) != 0)
    digits++;
  while (digits-- > 0)
    put (hex[n >> (4 * digits) & 15]);
  put ('\r');
  put ('\n');
}

std::string short_response (
    unsigned status, std::string_view sentence, bool keep_alive, bool head_only)
{
  std::string out = ResponseHead (status)
                        .header ("Content-Type", "text/plain; charset=utf-8")
                        .length (sentence.size () + 1)
                        .close (!keep_alive)
                        .done ();
  if (!head_only)
    out.append (sentence).append ("\n");
  return out;
}
} // namespace reach::http
