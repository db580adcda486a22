// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of RTMP share: bytes of a client, and crypto for the handshake.
#pragma once
#include "../check.h"
#include "rtmpserver/proto/amf0.h"
#include "rtmpserver/proto/handshake.h"
#include "rtmpserver/proto/message.h"
#include <algorithm>
#include <fstream>
#include <iterator>

namespace reach::rtmp::test {
using Wire = std::vector<std::uint8_t>;

inline Crypto crypto ()
{
  Crypto c;
  c.hmac_sha256 = [] (Bytes key, Bytes data) {
    Crypto::Digest out;
    gsize n = out.size ();
    GHmac *h = g_hmac_new (G_CHECKSUM_SHA256, key.data (), key.size ());
    g_hmac_update (h, data.data (), static_cast<gssize> (data.size ()));
    g_hmac_get_digest (h, out.data (), &n);
    g_hmac_unref (h);
    return out;
  };
  c.random = [] (std::span<std::uint8_t> s) {
    for (auto &b : s)
      b = static_cast<std::uint8_t> (g_random_int ());
  };
  c.md5 = [] (Bytes data) {
    std::array<std::uint8_t, 16> out;
    gsize n = out.size ();
    GChecksum *sum = g_checksum_new (G_CHECKSUM_MD5);
    g_checksum_update (sum, data.data (), static_cast<gssize> (data.size ()));
    g_checksum_get_digest (sum, out.data (), &n);
    g_checksum_free (sum);
    return out;
  };
  return c;
}

// What a client really sent, kept as an input of the fuzzers.
inline Wire captured (const std::string &seed)
{
  std::ifstream f (
      std::string (g_getenv ("REACH_SOURCE_DIR")) + "/tests/fuzz/seeds/" + seed, std::ios::binary);
  Wire w{std::istreambuf_iterator<char> (f), {}};
  fail_unless (!w.empty (), "%s", seed.c_str ());
  return w;
}

inline void put (Wire &to, Bytes b)
{
  to.insert (to.end (), b.begin (), b.end ());
}

inline void put_u24 (Wire &to, std::uint32_t v)
{
  for (const int shift : {16, 8, 0})
    to.push_back (static_cast<std::uint8_t> (v >> shift));
}

inline void put_u32 (Wire &to, std::uint32_t v)
{
  to.push_back (static_cast<std::uint8_t> (v >> 24));
  put_u24 (to, v);
}

// A basic header of one to three bytes.
inline void put_basic (Wire &to, unsigned format, std::uint32_t id)
{
  const auto mark = static_cast<std::uint8_t> (format << 6);
  if (id < 64) {
    to.push_back (mark | static_cast<std::uint8_t> (id));
  } else if (id < 320) {
    to.push_back (mark);
    to.push_back (static_cast<std::uint8_t> (id - 64));
  } else {
    to.push_back (mark | 1);
    to.push_back (static_cast<std::uint8_t> (id - 64));
    to.push_back (static_cast<std::uint8_t> ((id - 64) >> 8));
  }
}

// A whole chunk header as the fields say; what the format leaves out is left out.
struct Head {
  unsigned format = 0;
  std::uint32_t id = 4, time = 0, length = 0;
  MessageType type = MessageType::audio;
  std::uint32_t stream = 1;
};
inline void put_head (Wire &to, const Head &h)
{
  put_basic (to, h.format, h.id);
  if (h.format < 3)
    put_u24 (to, std::min<std::uint32_t> (h.time, 0xffffff));
  if (h.format < 2) {
    put_u24 (to, h.length);
    to.push_back (static_cast<std::uint8_t> (h.type));
  }
  if (h.format == 0)
    for (const int shift : {0, 8, 16, 24})
      to.push_back (static_cast<std::uint8_t> (h.stream >> shift));
  if (h.format < 3 && h.time >= 0xffffff)
    put_u32 (to, h.time);
}

// A message in chunks of `chunk_size`, its first header type 0.
inline void put_message (Wire &to, Head h, Bytes payload, std::size_t chunk_size = 128)
{
  h.length = static_cast<std::uint32_t> (payload.size ());
  put_head (to, h);
  for (;;) {
    const std::size_t n = std::min (payload.size (), chunk_size);
    put (to, payload.first (n));
    payload = payload.subspan (n);
    if (payload.empty ())
      return;
    put_basic (to, 3, h.id);
    if (h.time >= 0xffffff)
      put_u32 (to, h.time);
  }
}

inline Wire pattern (std::size_t n, unsigned seed = 1)
{
  Wire w (n);
  for (std::size_t i = 0; i < n; i++)
    w[i] = static_cast<std::uint8_t> (i * 7 + i / 256 + seed);
  return w;
}
} // namespace reach::rtmp::test
