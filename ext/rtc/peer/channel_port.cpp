// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel_port.h"
#include "data_hub.h"
#include <utility>

namespace reach::rtc {
void HubLink::post (std::function<void (DataHub &)> task)
{
  const auto at = loop.lock ();
  if (*at)
    (*at)->post ([self = shared_from_this (), run = std::move (task)] {
      if (self->hub)
        run (*self->hub);
    });
}

ChannelPort::Sent ChannelPort::send (ChannelMessage message)
{
  const std::size_t size = message.bytes.size ();
  std::shared_ptr<HubLink> wake;
  ChannelHandle channel = 0;
  const Sent sent = state_.update ([&] (State &s) {
    const bool early = limits_.early && s.state == ChannelState::connecting;
    if ((s.state != ChannelState::open && !early) || s.close_wanted)
      return Sent::not_open;
    if (s.link && size > s.link->max_message)
      return Sent::too_big;
    const std::size_t messages = s.waiting.size () + s.taken;
    if (messages >= limits_.messages || (s.buffered () > 0 && s.buffered () + size > limits_.bytes))
      return Sent::full;
    s.waiting.push_back (std::move (message));
    s.bytes += size;
    channel = s.channel;
    if (s.link && s.state == ChannelState::open && !std::exchange (s.posted, true))
      wake = s.link;
    return Sent::yes;
  });
  if (wake)
    wake->post ([channel] (DataHub &hub) { hub.feed (channel); });
  return sent;
}

void ChannelPort::close ()
{
  ChannelHandle channel = 0;
  const auto link = state_.update ([&] (State &s) {
    channel = s.channel;
    return std::exchange (s.close_wanted, true) ? nullptr : s.link;
  });
  if (link)
    link->post ([channel] (DataHub &hub) { hub.close (channel); });
}

std::size_t ChannelPort::buffered ()
{
  return state_.lock ()->buffered ();
}

void ChannelPort::set_low_threshold (std::size_t bytes)
{
  state_.update ([bytes] (State &s) { s.threshold = bytes; });
}

bool ChannelPort::attach (std::shared_ptr<HubLink> link, ChannelHandle channel)
{
  return state_.update ([&] (State &s) {
    s.link = std::move (link);
    s.channel = channel;
    return s.close_wanted;
  });
}

void ChannelPort::set_state (ChannelState state)
{
  std::deque<ChannelMessage> dropped; // let go without the lock
  state_.update ([&] (State &s) {
    s.state = state;
    if (state != ChannelState::closed)
      return;
    std::swap (dropped, s.waiting);
    s.bytes = s.below = s.taken = 0;
    s.link.reset ();
  });
}

std::deque<ChannelMessage> ChannelPort::take ()
{
  return state_.update ([] (State &s) {
    s.posted = false;
    s.taken += s.waiting.size ();
    return std::exchange (s.waiting, {});
  });
}

bool ChannelPort::sent (std::size_t messages, std::size_t bytes, std::size_t below)
{
  return state_.update ([&] (State &s) {
    const bool above = s.buffered () > s.threshold;
    s.taken -= std::min (messages, s.taken);
    s.bytes -= std::min (bytes, s.bytes);
    s.below = below;
    return above && s.buffered () <= s.threshold;
  });
}
} // namespace reach::rtc
