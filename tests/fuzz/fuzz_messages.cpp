// SPDX-License-Identifier: LGPL-2.1-or-later
// The deframer in two ways, whole and split as the first bytes of the input say, partly through
// direct (): both must deliver the same messages and the same fault.
#include "cam/proto/message_reader.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
struct Result {
  std::vector<std::uint8_t> bytes;
  MessageReader::Fault fault;
  bool operator== (const Result &) const = default;
};

void drain (MessageReader &r, Result &to)
{
  while (auto m = r.poll ()) {
    const auto b = m->bytes ();
    if (b.size () != MessageHeader::size + m->header ().length)
      std::abort ();
    if (m->header ().kind == Kind::frame)
      (void)FrameHeader::parse (m->body ());
    to.bytes.insert (to.bytes.end (), b.begin (), b.end ());
  }
}

Result whole (Bytes in, MessageReader::Limits l)
{
  VectorStorage source;
  MessageReader r (source, l);
  Result res;
  r.input (in);
  drain (r, res);
  res.fault = r.fault ();
  return res;
}

Result split (Bytes in, MessageReader::Limits l, std::size_t step)
{
  VectorStorage source;
  MessageReader r (source, l);
  Result res;
  while (!in.empty ()) {
    const auto to = r.direct ();
    std::size_t n = std::min (in.size (), step);
    if (to.empty ()) {
      r.input (in.first (n));
    } else {
      n = std::min (n, to.size ());
      std::memcpy (to.data (), in.data (), n);
      r.filled (n);
    }
    drain (r, res);
    in = in.subspan (n);
  }
  res.fault = r.fault ();
  return res;
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size < 2)
    return 0;
  const Bytes in = Bytes (data, size).subspan (2);
  const MessageReader::Limits l{64u << 10, 1u << 10};
  const std::size_t step = 1 + load_be<std::uint16_t> (data) % 9000;
  if (!(whole (in, l) == split (in, l, step)))
    std::abort ();
  return 0;
}
