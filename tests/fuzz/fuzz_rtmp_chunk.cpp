// SPDX-License-Identifier: LGPL-2.1-or-later
// The chunk reader in two ways, whole and split as the first bytes of the input say: both must give
// the same messages and the same fault. What it gave, written again and read again, is the same.
#include "rtmpserver/proto/chunk_reader.h"
#include "rtmpserver/proto/chunk_writer.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::rtmp;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

struct Result {
  std::vector<Message> messages;
  ChunkReader::Fault fault;
};

bool same (const Message &a, const Message &b)
{
  return a.type == b.type && a.stream == b.stream && a.timestamp == b.timestamp &&
         std::ranges::equal (a.payload.bytes, b.payload.bytes);
}

Result read (Bytes in, const Limits &l, std::size_t step)
{
  HeapSource source;
  ChunkReader r (source, l);
  Result out;
  while (!in.empty ()) {
    const std::size_t n = std::min (in.size (), step);
    r.input (in.first (n));
    while (auto m = r.poll ()) {
      require (m->payload.size () <= l.message);
      if (const auto parts = split_aggregate (*m, l.aggregate_parts))
        for (const Message &part : *parts)
          require (part.payload.size () <= m->payload.size ());
      out.messages.push_back (std::move (*m));
    }
    in = in.subspan (n);
  }
  out.fault = r.fault ();
  return out;
}

void write_again (const std::vector<Message> &messages, const Limits &l)
{
  ChunkWriter writer;
  ByteWriter wire;
  std::vector<Message> sent;
  for (const Message &m : messages)
    if (m.type != MessageType::set_chunk_size && m.type != MessageType::abort) {
      writer.write (chunk_stream_of (m.type, m.stream), m, wire);
      sent.push_back (m);
    }
  const Result r = read (wire.view (), l, SIZE_MAX);
  require (r.fault == ChunkReader::Fault::none && r.messages.size () == sent.size ());
  for (std::size_t i = 0; i < sent.size (); i++)
    require (same (sent[i], r.messages[i]));
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size < 2)
    return 0;
  const Bytes in = Bytes (data, size).subspan (2);
  Limits l;
  l.message = 64u << 10;
  l.command = 4u << 10;
  l.partial = 1u << 20;
  const Result whole = read (in, l, SIZE_MAX);
  const Result split = read (in, l, 1 + load_be<std::uint16_t> (data) % 3000);
  // How much is asked for ahead depends on the split, and only near this limit that can be seen.
  if (whole.fault == ChunkReader::Fault::too_much_storage ||
      split.fault == ChunkReader::Fault::too_much_storage)
    return 0;
  require (whole.fault == split.fault && whole.messages.size () == split.messages.size ());
  for (std::size_t i = 0; i < whole.messages.size (); i++)
    require (same (whole.messages[i], split.messages[i]));
  write_again (whole.messages, l);
  return 0;
}
