// SPDX-License-Identifier: LGPL-2.1-or-later
// The handshake in two ways, whole and split: both give the same answer and leave the same rest.
#include "rtmpserver/proto/handshake.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
struct Result {
  std::vector<std::uint8_t> answer, rest;
  Handshake::State state;
  Handshake::Scheme scheme;
  bool operator== (const Result &) const = default;
};

// A digest that an input can have: the fuzzer cannot compute a real one.
Crypto::Digest weak_digest (Bytes key, Bytes data)
{
  Crypto::Digest d{};
  d[0] = static_cast<std::uint8_t> (key.size ());
  d[1] = data.empty () ? 0 : data.front ();
  return d;
}

Result run (Bytes in, std::size_t step)
{
  Crypto c{weak_digest, [] (std::span<std::uint8_t> s) { std::ranges::fill (s, std::uint8_t{7}); }};
  Handshake h (c);
  Result r;
  while (!in.empty ()) {
    const std::size_t n = std::min (in.size (), step);
    const Bytes rest = h.input (in.first (n));
    r.rest.insert (r.rest.end (), rest.begin (), rest.end ());
    const auto out = h.poll_transmit ();
    r.answer.insert (r.answer.end (), out.begin (), out.end ());
    in = in.subspan (n);
  }
  r.state = h.state ();
  r.scheme = h.scheme ();
  return r;
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size < 2)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  const Result whole = run (in, SIZE_MAX);
  if (!(whole == run (in, 1 + data[0])) ||
      (!whole.answer.empty () && whole.answer.size () != 1 + 2 * Handshake::packet))
    std::abort ();
  return 0;
}
