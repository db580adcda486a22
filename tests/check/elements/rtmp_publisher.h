// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher that sends the tags of a file when the test wants.
#pragma once
#include "rtmp_client.h"
#include "rtmp_source.h"

namespace reach::test {
struct Publisher {
  Publisher (int port, const FlvFile &file, const char *name = "cam") : client (port)
  {
    client.connect ();
    fail_unless_equals_string (client.publish (name).c_str (), "NetStream.Publish.Start");
    rtmp::FlvReader r;
    fail_unless (r.input (file.bytes));
    while (auto t = r.next ())
      tags.push_back (std::move (*t));
  }
  // The file's tags of this type.
  void send (std::uint8_t type, std::uint32_t base = 0)
  {
    for (const auto &t : tags)
      if (t.type == type)
        send (t, base);
  }
  void send (const rtmp::FlvTag &t, std::uint32_t base = 0)
  {
    fail_unless (client.send (static_cast<rtmp::MessageType> (t.type), client.stream, t.body.bytes,
        base + t.timestamp, 4));
  }
  RtmpClient client;
  std::vector<rtmp::FlvTag> tags;
};
} // namespace reach::test
