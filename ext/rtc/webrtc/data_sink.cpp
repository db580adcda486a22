// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_sink.h"

namespace reach::rtc {
namespace {
constexpr Handle::Type bytes_type = {[] (void *b) { g_bytes_ref (static_cast<GBytes *> (b)); },
    [] (void *b) { g_bytes_unref (static_cast<GBytes *> (b)); }};
// A channel that refuses for another reason than bytes tells nobody when that is over.
constexpr Duration look_again = milliseconds (20);

// In one piece, and nobody's but ours: the buffer goes back to its pool.
ChannelMessage message_of (GstBuffer *buffer, bool text)
{
  const gsize size = gst_buffer_get_size (buffer);
  if (size == 0)
    return {text, {}, {}};
  auto *copy = static_cast<std::uint8_t *> (g_malloc (size));
  gst_buffer_extract (buffer, 0, copy, size);
  return {text, Handle::adopt (g_bytes_new_take (copy, size), bytes_type), Bytes (copy, size)};
}
} // namespace

void DataSink::room ()
{
  state_.update ([] (State &s) { s.rooms++; });
}

void DataSink::closed ()
{
  state_.update ([] (State &s) { s.closed = true; });
}

void DataSink::set_flushing (bool flushing)
{
  state_.update ([flushing] (State &s) { s.flushing = flushing; });
}

GstFlowReturn DataSink::stopped ()
{
  const auto s = state_.lock ();
  return s->flushing ? GST_FLOW_FLUSHING : s->closed ? GST_FLOW_EOS : GST_FLOW_OK;
}

// False: `until` came.
bool DataSink::wait (std::uint64_t since, TimePoint until)
{
  return state_.lock ().wait_until (
      until, [since] (const State &s) { return s.flushing || s.closed || s.rooms != since; });
}

GstFlowReturn DataSink::push (GstBuffer *buffer, bool text)
{
  if (const GstFlowReturn stop = stopped (); stop != GST_FLOW_OK)
    return stop;
  const ChannelMessage m = message_of (buffer, text);
  const auto *bytes = reinterpret_cast<const char *> (m.bytes.data ());
  if (text && !g_utf8_validate_len (bytes, m.bytes.size (), nullptr))
    return refuse ("a buffer of text is not UTF-8");
  return send (m);
}

GstFlowReturn DataSink::refuse (const std::string &why)
{
  if (hooks_.refused)
    hooks_.refused (why);
  state_.update ([] (State &s) { s.counts.dropped++; });
  return settings_.reliable ? GST_FLOW_ERROR : GST_FLOW_OK;
}

GstFlowReturn DataSink::send (const ChannelMessage &m)
{
  constexpr auto for_ever = std::chrono::hours (24 * 365);
  const TimePoint give_up = Clock::now () + settings_.max_wait.value_or (for_ever);
  while (true) {
    const std::uint64_t rooms = state_.lock ()->rooms; // before the look at what is buffered
    if (const GstFlowReturn stop = stopped (); stop != GST_FLOW_OK)
      return stop;
    const bool above = hooks_.buffered && hooks_.buffered () > settings_.limit;
    const auto sent = above ? ChannelPort::Sent::full : hooks_.send (m);
    if (sent == ChannelPort::Sent::not_open)
      return GST_FLOW_EOS;
    if (sent == ChannelPort::Sent::too_big)
      return refuse ("a message of " + std::to_string (m.bytes.size ()) +
                     " bytes is bigger than the peer takes");
    if (sent == ChannelPort::Sent::full && hooks_.buffered && Clock::now () < give_up) {
      wait (rooms, above ? give_up : std::min (give_up, Clock::now () + look_again));
      continue;
    }
    state_.update ([&] (State &s) {
      if (sent != ChannelPort::Sent::yes) {
        s.counts.dropped++;
        return;
      }
      s.counts.messages++;
      s.counts.bytes += m.bytes.size ();
    });
    return GST_FLOW_OK;
  }
}

void DataSink::end ()
{
  if (hooks_.ended)
    hooks_.ended ();
}
} // namespace reach::rtc
