// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel_inbox.h"
#include "enums.h"
#include <utility>

namespace reach::rtc {
namespace {
// What the peer calls it need not be UTF-8.
ChannelConfig shown (ChannelConfig c)
{
  for (std::string *s : {&c.label, &c.protocol})
    *s = CharPtr (g_utf8_make_valid (s->data (), static_cast<gssize> (s->size ()))).get ();
  return c;
}
} // namespace

ChannelInbox::ChannelInbox (
    GstWebRTCDataChannel *object, ChannelConfig config, std::shared_ptr<SignalQueue> queue)
    : object_ (object), config_ (shown (std::move (config))), queue_ (std::move (queue))
{
  if (config_.id)
    view_.lock ()->id = *config_.id;
}

void ChannelInbox::close ()
{
  view_.update ([] (View &v) {
    if (v.state != ChannelState::closed)
      v.state = ChannelState::closing;
  });
  port_->close ();
}

void ChannelInbox::report (GstWebRTCError code, const std::string &what)
{
  put ({Event::Kind::error, nullptr, code, what});
}

void ChannelInbox::on_channel_opened (std::uint16_t id)
{
  Event e{Event::Kind::opened, nullptr};
  e.id = id;
  put (std::move (e));
}

void ChannelInbox::on_channel_message (bool text, Bytes message)
{
  if (overflown_ && reliable ())
    return; // not with a hole in it
  BytesPtr bytes;
  if (!message.empty ()) {
    const std::size_t size = message.size ();
    auto *copy = static_cast<std::uint8_t *> (g_malloc (size + 1));
    std::copy (message.begin (), message.end (), copy);
    copy[size] = 0;
    bytes.reset (g_bytes_new_take (copy, text ? size + 1 : size));
  }
  put ({text ? Event::Kind::text : Event::Kind::binary, std::move (bytes)});
}

void ChannelInbox::on_channel_low ()
{
  put ({Event::Kind::low, nullptr});
}

void ChannelInbox::on_channel_closing ()
{
  put ({Event::Kind::closing, nullptr});
}

void ChannelInbox::on_channel_error (const std::string &what)
{
  report (GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE, what);
}

void ChannelInbox::on_channel_closed ()
{
  put ({Event::Kind::closed, nullptr});
  // The last reference is better let go there: what the application does then is not for the loop.
  if (!queue_->post ([last = std::move (kept_)] {}))
    view_.lock ()->state = ChannelState::closed; // nobody is told
}

void ChannelInbox::put (Event e)
{
  const std::size_t size = e.bytes ? g_bytes_get_size (e.bytes.get ()) : 0;
  const bool message = e.kind == Event::Kind::text || e.kind == Event::Kind::binary;
  bool post = false, over = false;
  inbox_.update ([&] (Inbox &i) {
    over = message && (i.messages >= max_messages || i.bytes + size > max_bytes);
    // As many errors and low marks as the application causes, and it may handle nothing.
    const bool small = e.kind == Event::Kind::error || e.kind == Event::Kind::low;
    if (over || (small && i.events.size () >= 2 * max_messages))
      return;
    i.events.push_back (std::move (e));
    i.messages += message;
    i.bytes += size;
    post = !std::exchange (i.posted, true);
  });
  if (over)
    return overflow ();
  if (!post)
    return;
  const auto object = Ref<GstWebRTCDataChannel>::share (object_);
  if (!queue_->post ([self = shared_from_this (), object] { self->tell (object.get ()); }))
    inbox_.lock ()->posted = false; // again with the next event
}

// The handlers are too slow for the peer. Loop thread.
void ChannelInbox::overflow ()
{
  const bool first = !std::exchange (overflown_, true);
  if (first)
    report (GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE,
        reliable () ? "messages come faster than they are handled: the channel is closed"
                    : "messages come faster than they are handled, and are dropped");
  if (reliable ())
    port_->close ();
}

void ChannelInbox::tell (GstWebRTCDataChannel *object)
{
  std::deque<Event> batch = inbox_.update ([] (Inbox &i) {
    i.posted = false;
    return std::exchange (i.events, {});
  });
  for (Event &e : batch) {
    tell (object, e);
    const bool message = e.kind == Event::Kind::text || e.kind == Event::Kind::binary;
    const std::size_t size = e.bytes ? g_bytes_get_size (e.bytes.get ()) : 0;
    e.bytes.reset ();
    inbox_.update ([&] (Inbox &i) {
      i.messages -= message;
      i.bytes -= size;
    });
  }
}

void ChannelInbox::set_state (GstWebRTCDataChannel *object, ChannelState state)
{
  const bool changed = view_.update ([state] (View &v) {
    // After close () it does not open any more; closing is told when it has begun.
    const bool back = state == ChannelState::open && v.state == ChannelState::closing;
    if (!back)
      v.state = state;
    return !back;
  });
  if (changed)
    g_object_notify (G_OBJECT (object), "ready-state");
}

void ChannelInbox::tell (GstWebRTCDataChannel *object, Event &e)
{
  switch (e.kind) {
  case Event::Kind::opened:
    view_.lock ()->id = e.id;
    g_object_notify (G_OBJECT (object), "id");
    set_state (object, ChannelState::open);
    if (ready_state () == ChannelState::open)
      g_signal_emit_by_name (object, "on-open");
    break;
  case Event::Kind::text: {
    const auto *text =
        e.bytes ? static_cast<const char *> (g_bytes_get_data (e.bytes.get (), nullptr)) : nullptr;
    const CharPtr valid (text ? g_utf8_make_valid (text, -1) : nullptr);
    g_signal_emit_by_name (object, "on-message-string", valid.get ());
    break;
  }
  case Event::Kind::binary:
    g_signal_emit_by_name (object, "on-message-data", e.bytes.get ());
    break;
  case Event::Kind::low:
    g_object_notify (G_OBJECT (object), "buffered-amount");
    g_signal_emit_by_name (object, "on-buffered-amount-low");
    break;
  case Event::Kind::closing:
    set_state (object, ChannelState::closing);
    break;
  case Event::Kind::closed:
    set_state (object, ChannelState::closed);
    g_signal_emit_by_name (object, "on-close");
    break;
  case Event::Kind::error: {
    const ErrorPtr error (g_error_new_literal (GST_WEBRTC_ERROR, e.code, e.what.c_str ()));
    g_signal_emit_by_name (object, "on-error", error.get ());
    break;
  }
  }
}
} // namespace reach::rtc
