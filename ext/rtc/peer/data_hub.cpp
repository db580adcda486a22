// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_hub.h"
#include <algorithm>
#include <utility>

namespace reach::rtc {
namespace {
// Of each channel in Sctp's queue, which is first come, first served: so that a small message of
// one channel never waits behind megabytes of another.
constexpr std::size_t ahead = 256 << 10;
} // namespace

DataHub::DataHub (Loop &loop, Owner &owner, ChannelLimits limits)
    : owner_ (owner), limits_ (limits), channels_ (limits)
{
  link_->hub = this;
  link_->max_message = limits.message;
  *link_->loop.lock () = &loop;
}

DataHub::~DataHub ()
{
  gone_ = true;
  *link_->loop.lock () = nullptr;
  link_->hub = nullptr;
  channels_.disconnected ();
  pump ();
}

void DataHub::set_dtls_client (bool client)
{
  channels_.set_dtls_client (client);
}

void DataHub::set_max_message (std::size_t bytes)
{
  link_->max_message = bytes == 0 ? limits_.message : std::min (bytes, limits_.message);
}

ChannelHandle DataHub::create (ChannelConfig config, Ends ends)
{
  ChannelError error{};
  const ChannelHandle channel = channels_.create (std::move (config), error);
  if (channel == 0) {
    ends.port->set_state (ChannelState::closed);
    ends.listener->on_channel_error (to_text (error));
    ends.listener->on_channel_closed ();
    return 0;
  }
  totals_.requested++;
  const bool close_it = ends.port->attach (link_, channel);
  entries_[channel].ends = std::move (ends);
  if (close_it)
    close (channel);
  pump ();
  return channel;
}

DataHub::Entry *DataHub::find_entry (ChannelHandle channel)
{
  const auto it = entries_.find (channel);
  return it == entries_.end () ? nullptr : &it->second;
}

void DataHub::close (ChannelHandle channel)
{
  Entry *e = find_entry (channel);
  if (!e || e->closing)
    return;
  begin_closing (*e);
  feed (channel); // ends it, if nothing waits
}

void DataHub::begin_closing (Entry &e)
{
  e.closing = true;
  e.ends.port->set_state (ChannelState::closing);
  e.ends.listener->on_channel_closing ();
}

void DataHub::feed (ChannelHandle channel)
{
  if (Entry *e = find_entry (channel)) {
    for (ChannelMessage &m : e->ends.port->take ())
      e->ready.push_back (std::move (m));
    write (channel, *e);
  }
  pump ();
}

// What SCTP takes now. The rest goes on in on_low ().
void DataHub::write (ChannelHandle channel, Entry &e)
{
  Sctp *s = sctp ();
  Written done;
  if (s && e.stream) {
    while (!e.ready.empty () && write_one (channel, e, *s, done))
      ;
    set_mark (e, *s);
  }
  const std::size_t below = s && e.stream ? s->buffered (*e.stream) : 0;
  const bool low = e.ends.port->sent (done.messages, done.bytes, below);
  const DataChannels::Channel *c = channels_.find (channel);
  if (e.closing && (e.ready.empty () || !c || c->state == ChannelState::closing))
    channels_.close (channel);
  const auto listener = e.ends.listener; // what it does may be the entry's end
  if (done.too_big)
    listener->on_channel_error (to_text (ChannelError::too_big));
  if (low)
    listener->on_channel_low ();
}

// False: wait.
bool DataHub::write_one (ChannelHandle channel, Entry &e, Sctp &sctp, Written &done)
{
  static constexpr std::uint8_t nothing[1] = {};
  const ChannelMessage &m = e.ready.front ();
  DataChannels::Route route;
  const ChannelError error = channels_.route (channel, m.text, m.bytes.size (), route);
  if (error == ChannelError::no_channel || error == ChannelError::not_open)
    return false;
  auto sent = Sctp::Sent::too_big;
  if (error == ChannelError::none) {
    const std::size_t before = sctp.buffered (route.stream);
    if (before > 0 && before + m.bytes.size () > ahead)
      return false;
    sent = sctp.send (
        route.stream, route.ppid, route.reliability, route.empty ? Bytes (nothing) : m.bytes);
  }
  if (sent == Sctp::Sent::full)
    stuck_.insert (channel);
  if (sent == Sctp::Sent::full || sent == Sctp::Sent::not_connected)
    return false;
  if (sent == Sctp::Sent::yes) {
    e.messages_sent++;
    e.bytes_sent += m.bytes.size ();
  } else { // the limit was not known when it was taken
    done.too_big = true;
  }
  done.messages++;
  done.bytes += m.bytes.size ();
  e.ready.pop_front ();
  return true;
}

// Sctp tells when it is down to its threshold. Where nothing more is to be written that is the
// application's, or half of what is there: so buffered () is never far from the truth, and 0 when
// it is.
void DataHub::set_mark (const Entry &e, Sctp &sctp)
{
  const std::size_t now = sctp.buffered (*e.stream);
  const std::size_t low = e.ends.port->low_threshold ();
  std::size_t mark = now < 4096 ? 0 : now / 2;
  if (e.ready.empty () && now > low)
    mark = std::max (mark, low);
  sctp.set_threshold (*e.stream, mark);
}

void DataHub::pump ()
{
  if (std::exchange (pumping_, true))
    return; // the caller of this goes on
  for (bool more = true; more;) {
    more = false;
    while (const auto event = channels_.poll_event ()) {
      dispatch (*event);
      more = true;
    }
    write_control ();
  }
  pumping_ = false;
}

void DataHub::write_control ()
{
  while (auto t = channels_.poll_transmit ()) {
    if (control_.size () < 4 * limits_.channels)
      control_.push_back (std::move (*t));
    else
      totals_.faults++; // a peer that opens and closes, and reads nothing
  }
  Sctp *s = sctp ();
  if (!s)
    return control_.clear ();
  while (!control_.empty ()) {
    const DataChannels::Transmit &t = control_.front ();
    if (s->send (t.stream, t.ppid, t.reliability, t.bytes) == Sctp::Sent::full)
      return;
    control_.pop_front ();
  }
  while (const auto stream = channels_.poll_reset ())
    s->reset (*stream);
}

void DataHub::retry ()
{
  for (const ChannelHandle channel : std::exchange (stuck_, {}))
    if (Entry *e = find_entry (channel))
      write (channel, *e);
}

void DataHub::on_connected (std::uint16_t streams)
{
  channels_.connected (streams);
  pump ();
}

void DataHub::on_message (std::uint16_t stream, std::uint32_t ppid, Bytes message)
{
  const auto received = channels_.input (stream, ppid, message);
  pump (); // it may be what opens the channel
  Entry *e = received ? find_entry (received->channel) : nullptr;
  if (!e)
    return;
  e->messages_received++;
  e->bytes_received += received->bytes.size ();
  const auto listener = e->ends.listener;
  listener->on_channel_message (received->text, received->bytes);
}

void DataHub::on_reset (std::uint16_t stream, bool incoming)
{
  if (incoming)
    channels_.input_reset (stream);
  else
    channels_.reset_done (stream);
  pump ();
}

void DataHub::on_low (std::uint16_t stream)
{
  const auto it = by_stream_.find (stream);
  if (it != by_stream_.end ())
    if (Entry *e = find_entry (it->second))
      write (it->second, *e);
  retry ();
  pump ();
}

void DataHub::on_closed (SctpFault fault)
{
  std::vector<std::shared_ptr<ChannelListener>> listeners;
  if (fault != SctpFault::none && fault != SctpFault::ended)
    for (const auto &[channel, e] : entries_)
      listeners.push_back (e.ends.listener);
  for (const auto &listener : listeners)
    listener->on_channel_error (to_text (fault));
  for (auto &[channel, e] : entries_)
    e.closing = true; // for closed (): that there is no id is not the reason
  channels_.disconnected ();
  control_.clear ();
  pump ();
}

void DataHub::dispatch (const DataChannels::Event &event)
{
  using Kind = DataChannels::Event::Kind;
  if (event.kind == Kind::incoming)
    return incoming (event.channel);
  if (event.kind == Kind::closed)
    return closed (event.channel);
  Entry *e = find_entry (event.channel);
  if (!e)
    return;
  if (event.kind == Kind::opened)
    return opened (event.channel, *e);
  if (event.kind == Kind::closing && !e->closing) {
    // By the peer, who reads no more of it.
    e->ready.clear ();
    begin_closing (*e);
  }
}

void DataHub::incoming (ChannelHandle channel)
{
  const DataChannels::Channel *c = channels_.find (channel);
  if (!c || gone_)
    return;
  Ends ends = owner_.on_incoming_channel (*c);
  if (!ends.port || !ends.listener)
    return channels_.close (channel);
  totals_.accepted++;
  const bool close_it = ends.port->attach (link_, channel);
  Entry &e = entries_[channel];
  e.ends = std::move (ends);
  opened (channel, e);
  if (close_it)
    close (channel);
}

void DataHub::opened (ChannelHandle channel, Entry &e)
{
  const DataChannels::Channel *c = channels_.find (channel);
  if (!c || c->state != ChannelState::open)
    return; // and closed since
  e.stream = c->config.id;
  e.was_open = true;
  by_stream_[*e.stream] = channel;
  totals_.opened++;
  if (!e.closing) { // else only for what was sent early
    e.ends.port->set_state (ChannelState::open);
    e.ends.listener->on_channel_opened (*e.stream);
  }
  feed (channel);
}

void DataHub::closed (ChannelHandle channel)
{
  const auto it = entries_.find (channel);
  if (it == entries_.end ())
    return;
  const Entry e = std::move (it->second);
  entries_.erase (it);
  stuck_.erase (channel);
  if (e.stream) {
    by_stream_.erase (*e.stream);
    if (Sctp *s = sctp ())
      s->set_threshold (*e.stream, 0);
  }
  if (e.was_open)
    totals_.closed++;
  e.ends.port->set_state (ChannelState::closed);
  if (!e.was_open && !e.closing && !gone_)
    e.ends.listener->on_channel_error (to_text (ChannelError::no_id_left));
  e.ends.listener->on_channel_closed ();
}

DataHub::Totals DataHub::totals () const
{
  Totals t = totals_;
  t.faults += channels_.faults ();
  return t;
}

std::vector<DataHub::Stats> DataHub::stats () const
{
  std::vector<Stats> all;
  for (const auto &[channel, e] : entries_)
    if (const DataChannels::Channel *c = channels_.find (channel))
      all.push_back ({*c, e.messages_sent, e.bytes_sent, e.messages_received, e.bytes_received,
          e.ends.port->buffered ()});
  return all;
}
} // namespace reach::rtc
