// SPDX-License-Identifier: LGPL-2.1-or-later
#include "packet_queue.h"
#include <utility>

namespace reach::rtc {
namespace {
bool starts (const KeyStart &key_start, GstBuffer *packet)
{
  const Mapped m (packet);
  return m.ok () && key_start (m.bytes ());
}
} // namespace

// The pushing thread is woken once for all.
void PacketQueue::push (std::span<Packet> packets)
{
  state_.update ([&] (State &s) {
    for (Packet &p : packets)
      add (s, p);
  });
}

void PacketQueue::add (State &s, Packet &p) const
{
  s.counts.packets++;
  if (s.open && s.need_key && starts (s.key_start, p.rtp.get ()))
    s.need_key = false;
  if (!s.open || s.need_key) {
    s.counts.dropped++;
    s.lost = true;
    s.need_key = s.key_start.tells ();
    s.want_key = s.need_key;
    return;
  }
  s.packets++;
  s.bytes += gst_buffer_get_size (p.rtp.get ());
  const bool gap = std::exchange (s.lost, false) || p.discont;
  s.items.push_back ({Item::What::packet, std::move (p.rtp), p.time, gap, nullptr});
  if (s.packets > limits_.packets || s.bytes > limits_.bytes)
    overflow (s);
}

void PacketQueue::drop (State &s, const Item &item)
{
  s.packets--;
  s.bytes -= gst_buffer_get_size (item.packet.get ());
  s.counts.dropped++;
}

// The oldest go: of sound half of what waits, of pictures all up to the next key frame, since the
// rest of a group is worth nothing without its beginning.
void PacketQueue::overflow (State &s) const
{
  const std::size_t half = s.packets / 2;
  std::deque<Item> kept;
  bool dropped = false, keeping = false;
  for (Item &i : s.items) {
    const bool packet = i.what == Item::What::packet;
    if (packet && !keeping && dropped) {
      keeping = s.key_start.tells () ? starts (s.key_start, i.packet.get ()) : s.packets <= half;
      i.discont = i.discont || keeping;
    }
    if (packet && !keeping) {
      dropped = true;
      drop (s, i);
    } else {
      kept.push_back (std::move (i));
    }
  }
  s.items = std::move (kept);
  if (keeping)
    return;
  s.lost = true;
  s.need_key = s.want_key = s.key_start.tells ();
}

void PacketQueue::set_codec (const Codec &codec)
{
  auto shared = std::make_shared<const Codec> (codec);
  state_.update ([&] (State &s) {
    if (s.codec && *s.codec == codec)
      return;
    s.codec = shared;
    s.key_start = KeyStart (codec);
    s.need_key = s.need_key && s.key_start.tells ();
    if (s.open)
      s.items.push_back ({Item::What::codec, {}, {}, false, std::move (shared)});
  });
}

void PacketQueue::end ()
{
  state_.update ([] (State &s) {
    if (s.open)
      s.items.push_back ({Item::What::end, {}, {}, false, nullptr});
  });
}

void PacketQueue::set_latency (Duration latency)
{
  state_.update ([latency] (State &s) {
    s.latency_changed = s.latency_changed || s.latency != latency;
    s.latency = latency;
  });
}

PacketQueue::Counts PacketQueue::counts ()
{
  return state_.lock ()->counts;
}

void PacketQueue::open ()
{
  state_.update ([] (State &s) {
    if (std::exchange (s.open, true))
      return;
    if (s.codec)
      s.items.push_back ({Item::What::codec, {}, {}, false, s.codec});
  });
}

void PacketQueue::close ()
{
  std::deque<Item> gone; // without the lock
  state_.update ([&] (State &s) {
    for (const Item &i : s.items)
      if (i.what == Item::What::packet)
        drop (s, i);
    if (s.packets > 0 || !s.items.empty ())
      s.lost = true;
    gone.swap (s.items);
    s.open = false;
  });
}

void PacketQueue::set_playing (bool on)
{
  state_.update ([on] (State &s) { s.playing = on; });
}

bool PacketQueue::take (Batch &batch)
{
  constexpr std::size_t most = 256;
  auto s = state_.lock ();
  s.wait ([] (const State &x) {
    return !x.open || (x.playing && (!x.items.empty () || x.want_key || x.latency_changed));
  });
  if (!s->open)
    return false;
  s->busy = true;
  batch.keyframe = std::exchange (s->want_key, false);
  batch.latency_changed = std::exchange (s->latency_changed, false);
  batch.items.clear ();
  while (!s->items.empty () && batch.items.size () < most) {
    Item &i = s->items.front ();
    if (i.what == Item::What::packet) {
      s->packets--;
      s->bytes -= gst_buffer_get_size (i.packet.get ());
    }
    batch.items.push_back (std::move (i));
    s->items.pop_front ();
  }
  return true;
}

void PacketQueue::done ()
{
  state_.update ([] (State &s) { s.busy = false; });
}

bool PacketQueue::wait_idle (Duration limit, bool empty)
{
  return state_.lock ().wait_until (Clock::now () + limit, [empty] (const State &s) {
    return !s.busy && (!empty || !s.open || !s.playing || s.items.empty ());
  });
}
} // namespace reach::rtc
