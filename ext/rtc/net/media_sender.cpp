// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_sender.h"
#include <algorithm>
#include <array>

namespace reach::rtc {
template <typename F> std::size_t MediaSender::send (std::span<Packet> packets, F &&protect)
{
  std::array<Bytes, 64> ready;
  std::size_t went = 0;
  while (!packets.empty ()) {
    const std::span<Packet> some = packets.first (std::min (packets.size (), ready.size ()));
    packets = packets.subspan (some.size ());
    std::size_t n = 0;
    {
      auto s = state_.lock ();
      if (!s->srtp || s->paused) {
        refused_.fetch_add (some.size (), std::memory_order_relaxed);
        continue;
      }
      for (Packet &p : some)
        if (const auto size = protect (*s->srtp, p))
          ready[n++] = p.room.first (p.size = *size);
    }
    went += path_->send (std::span (ready).first (n));
  }
  return went;
}

std::size_t MediaSender::send_rtp (std::span<Packet> packets)
{
  return send (packets, [] (SrtpOut &s, Packet &p) { return s.protect (p.room, p.size); });
}

std::size_t MediaSender::send_rtcp (std::span<Packet> packets)
{
  return send (packets, [] (SrtpOut &s, Packet &p) { return s.protect_rtcp (p.room, p.size); });
}

bool MediaSender::ready ()
{
  auto s = state_.lock ();
  return s->srtp && !s->paused;
}

MediaSender::Counts MediaSender::counts ()
{
  Counts c{path_->counts (), {}, refused_};
  if (auto s = state_.lock (); s->srtp)
    c.srtp = s->srtp->counts ();
  return c;
}

void MediaSender::set_keys (std::unique_ptr<SrtpOut> keys)
{
  state_.lock ()->srtp.swap (keys);
}

void MediaSender::set_paused (bool paused)
{
  state_.lock ()->paused = paused;
}

void MediaSender::close ()
{
  set_keys (nullptr);
}
} // namespace reach::rtc
