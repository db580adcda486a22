// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets as bytes, with memory that counts who keeps it.
#pragma once
#include "../check.h"
#include "../hex.h"
#include "rtc/proto/rtp_handle.h"
#include "rtc/proto/rtp_packet.h"
#include <algorithm>
#include <string>
#include <vector>

namespace reach::test {
using namespace reach::rtc;
using Octets = std::vector<std::uint8_t>;

inline Octets make_packet (const RtpHeader &h, Bytes payload,
    std::vector<std::pair<std::uint8_t, std::string>> extensions = {},
    ExtensionForm form = ExtensionForm::one_byte)
{
  Octets b (2000);
  RtpWriter w (b, h, form);
  for (const auto &[id, value] : extensions)
    w.extension (id, as_bytes (value));
  w.payload (payload);
  fail_unless (!w.failed ());
  b.resize (w.packet ().size ());
  return b;
}

// Bytes behind a Handle. All are gone at the end, or something kept one.
struct Shared {
  Octets bytes;
  int refs = 1;
  static inline int alive = 0;

  static Handle make (Octets bytes)
  {
    static const Handle::Type type{[] (void *p) { static_cast<Shared *> (p)->refs++; },
        [] (void *p) {
          auto *s = static_cast<Shared *> (p);
          if (--s->refs == 0) {
            alive--;
            delete s;
          }
        },
        [] (void *p) { return Bytes (static_cast<Shared *> (p)->bytes); }};
    alive++;
    return Handle::adopt (new Shared{std::move (bytes)}, type);
  }
  static Octets &of (const Handle &h) { return static_cast<Shared *> (h.get ())->bytes; }
};
} // namespace reach::test
