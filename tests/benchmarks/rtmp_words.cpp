// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_words.h"
#include <algorithm>

namespace reach::bench::rtmp {
namespace {
constexpr std::uint64_t zero = 0, one = 0x3ff0000000000000, two = 0x4000000000000000; // IEEE 754

std::string text_of (const std::vector<std::uint8_t> &bytes)
{
  return {bytes.begin (), bytes.end ()};
}

void string (ByteWriter &w, const std::string &s)
{
  w.u8 (2);
  w.str16 (s);
}

ByteWriter begin (const std::string &name, std::uint64_t transaction)
{
  ByteWriter w;
  string (w, name);
  w.u8 (0); // number
  w.u64 (transaction);
  return w;
}

std::string u32_message (std::uint8_t type, std::uint32_t value)
{
  ByteWriter w;
  w.u32 (value);
  return message (2, type, 0, w.view ());
}
} // namespace

std::string first_hello ()
{
  return '\3' + std::string (1536, '\0'); // time 0, version 0
}

std::string second_hello ()
{
  return std::string (1536, '\0');
}

std::string connect ()
{
  ByteWriter w = begin ("connect", one);
  w.u8 (3); // object
  w.str16 ("app");
  string (w, "live");
  w.str16 ("tcUrl");
  string (w, "rtmp://127.0.0.1/live");
  w.u16 (0);
  w.u8 (9); // its end
  return message (3, command, 0, w.view ());
}

std::string create_stream ()
{
  ByteWriter w = begin ("createStream", two);
  w.u8 (5); // null
  return message (3, command, 0, w.view ());
}

std::string play (const std::string &name)
{
  ByteWriter w = begin ("play", zero);
  w.u8 (5);
  string (w, name);
  return message (8, command, 1, w.view ());
}

std::string publish (const std::string &name)
{
  ByteWriter w = begin ("publish", zero);
  w.u8 (5);
  string (w, name);
  string (w, "live");
  return message (8, command, 1, w.view ());
}

std::string metadata (bool sound)
{
  constexpr std::uint64_t avc = 0x401c000000000000, aac = 0x4024000000000000; // 7.0, 10.0
  ByteWriter w;
  string (w, "@setDataFrame");
  string (w, "onMetaData");
  w.u8 (8); // array
  w.u32 (sound ? 2 : 1);
  w.str16 ("videocodecid");
  w.u8 (0);
  w.u64 (avc);
  if (sound) {
    w.str16 ("audiocodecid");
    w.u8 (0);
    w.u64 (aac);
  }
  w.u16 (0);
  w.u8 (9);
  return message (4, data, 1, w.view ());
}

std::string acknowledge (std::uint64_t bytes)
{
  return u32_message (3, static_cast<std::uint32_t> (bytes));
}

std::string announce_chunk_size (std::uint32_t size)
{
  return u32_message (chunk_size_message, size);
}

std::string message (std::uint8_t chunk_stream, std::uint8_t type, std::uint8_t stream, Bytes body,
    std::uint32_t chunk_size)
{
  ByteWriter w;
  w.u8 (chunk_stream);
  w.u16 (0); // timestamp, 24 bits
  w.u8 (0);
  w.u8 (static_cast<std::uint8_t> (body.size () >> 16));
  w.u16 (static_cast<std::uint16_t> (body.size ()));
  w.u8 (type);
  w.u32 (std::uint32_t{stream} << 24); // little-endian
  for (;;) {
    const auto n = std::min<std::size_t> (body.size (), chunk_size);
    w.bytes (body.first (n));
    body = body.subspan (n);
    if (body.empty ())
      return text_of (w.take ());
    w.u8 (static_cast<std::uint8_t> (0xc0 | chunk_stream));
  }
}
} // namespace reach::bench::rtmp
