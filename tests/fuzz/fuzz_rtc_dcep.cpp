// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels: any messages and resets of the peer, between calls of the application. What is
// sent must be readable, and nothing outgrows its limits.
#include "rtc/proto/data_channels.h"
#include <cstdlib>

using namespace reach;
using namespace reach::rtc;

namespace {
void check (bool holds)
{
  if (!holds)
    std::abort ();
}
void drain (DataChannels &d)
{
  while (const auto t = d.poll_transmit ())
    check (t->ppid == ppid_dcep && dcep_parse (t->bytes, 65535).has_value ());
  while (d.poll_event ()) {
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  ByteReader r ({data, size});
  const ChannelLimits limits{8, 32, 64, 1024};
  DataChannels d (limits);
  d.set_dtls_client (r.u8 () & 1);
  ChannelHandle last = 0;
  while (r.left () > 0) {
    const std::uint8_t what = r.u8 ();
    const std::uint16_t stream = r.u8 () % 40;
    ChannelError error;
    DataChannels::Route route;
    switch (what % 9) {
    case 0:
      d.connected (32);
      break;
    case 1:
      d.input_reset (stream);
      break;
    case 2:
      d.close (last > 0 ? stream % (last + 1) : 0);
      break;
    case 3:
      last = std::max (last, d.create ({"x", "y", {}, false, {}, 0}, error));
      break;
    case 4:
      last = std::max (last, d.create ({"x", "y", {}, true, stream, 0}, error));
      break;
    case 5:
      if (const auto s = d.poll_reset ())
        d.reset_done (*s);
      break;
    case 6:
      d.route (stream, what & 16, r.u16 (), route);
      break;
    default: {
      const Bytes message = r.take (std::min<std::size_t> (r.u8 (), r.left ()));
      const std::uint32_t ppid = what & 64 ? ppid_dcep : 50 + what % 8;
      const auto got = d.input (stream, ppid, message);
      check (!got || d.find (got->channel) != nullptr);
    }
    }
    if (what & 128)
      drain (d);
    check (d.size () <= limits.channels);
  }
  d.disconnected ();
  drain (d);
  check (d.size () == 0);
  return 0;
}
