// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_channels.h"
#include <algorithm>

namespace reach::rtc {
const char *to_text (ChannelError error)
{
  switch (error) {
  case ChannelError::none:
    return "no error";
  case ChannelError::no_channel:
    return "there is no such channel";
  case ChannelError::not_open:
    return "the channel is not open";
  case ChannelError::too_big:
    return "the message is too big";
  case ChannelError::bad_config:
    return "a channel cannot be like this";
  case ChannelError::id_taken:
    return "the id is taken, or out of range";
  case ChannelError::no_id_left:
    return "no id is left";
  case ChannelError::too_many:
    return "too many channels";
  }
  return "";
}

void DataChannels::set_dtls_client (bool client)
{
  client_ = client;
}

void DataChannels::connected (std::uint16_t streams)
{
  connected_ = true;
  streams_ = std::min (streams, limits_.streams);
  std::vector<ChannelHandle> waiting;
  for (const auto &[handle, c] : channels_)
    if (c.state == ChannelState::connecting)
      waiting.push_back (handle);
  for (const ChannelHandle handle : waiting) {
    Channel &c = channels_.at (handle);
    const bool fits = c.config.id ? *c.config.id < streams_ : give_id (c);
    if (!fits) {
      c.reset_sent = c.reset_received = true; // nothing of it is on the wire
      check_closed (handle);
    } else if (c.config.negotiated) {
      opened (c);
    } else {
      say_open (c);
    }
  }
}

void DataChannels::disconnected ()
{
  connected_ = false;
  transmit_.clear ();
  resets_.clear ();
  for (auto &[handle, c] : channels_)
    push (Event::Kind::closed, handle);
  channels_.clear ();
  by_stream_.clear ();
}

ChannelHandle DataChannels::create (ChannelConfig config, ChannelError &error)
{
  const Reliability &r = config.reliability;
  const std::uint16_t top = connected_ ? streams_ : limits_.streams;
  error = ChannelError::none;
  if ((r.max_retransmits && r.max_lifetime) || (config.negotiated && !config.id) ||
      config.label.size () > std::min<std::size_t> (limits_.string, 65535) ||
      config.protocol.size () > std::min<std::size_t> (limits_.string, 65535))
    error = ChannelError::bad_config;
  else if (channels_.size () >= limits_.channels)
    error = ChannelError::too_many;
  else if (config.id && (*config.id >= top || !id_free (*config.id)))
    error = ChannelError::id_taken;
  if (error != ChannelError::none)
    return 0;
  Channel c;
  c.handle = next_++;
  c.config = std::move (config);
  if (connected_ && !c.config.id && !give_id (c)) {
    error = ChannelError::no_id_left;
    return 0;
  }
  Channel &kept = channels_[c.handle] = std::move (c);
  if (kept.config.id)
    by_stream_[*kept.config.id] = kept.handle;
  if (connected_ && kept.config.negotiated)
    opened (kept);
  else if (connected_)
    say_open (kept);
  return kept.handle;
}

bool DataChannels::give_id (Channel &c)
{
  for (std::uint32_t id = client_.value_or (true) ? 0 : 1; id < streams_; id += 2) {
    if (id_free (static_cast<std::uint16_t> (id))) {
      c.config.id = static_cast<std::uint16_t> (id);
      by_stream_[*c.config.id] = c.handle;
      return true;
    }
  }
  return false;
}

// The side that opens may send at once (RFC 8832, 6), in order until the ACK is there.
void DataChannels::say_open (Channel &c)
{
  c.said_open = true;
  const ChannelConfig &k = c.config;
  transmit_.push_back ({*k.id, ppid_dcep, {},
      dcep_build (DcepOpen{k.label, k.protocol, k.priority, k.reliability})});
}

void DataChannels::opened (Channel &c)
{
  c.state = ChannelState::open;
  if (c.config.negotiated || c.remote)
    c.acked = true;
  push (Event::Kind::opened, c.handle);
}

const DataChannels::Channel *DataChannels::find (ChannelHandle channel) const
{
  const auto it = channels_.find (channel);
  return it == channels_.end () ? nullptr : &it->second;
}

DataChannels::Channel *DataChannels::of_stream (std::uint16_t stream)
{
  const auto it = by_stream_.find (stream);
  return it == by_stream_.end () ? nullptr : &channels_.at (it->second);
}

ChannelError DataChannels::route (
    ChannelHandle channel, bool text, std::size_t size, Route &out) const
{
  const Channel *c = find (channel);
  if (!c)
    return ChannelError::no_channel;
  if (c->state != ChannelState::open)
    return ChannelError::not_open;
  if (size > limits_.message)
    return ChannelError::too_big;
  out.stream = *c->config.id;
  out.empty = size == 0;
  out.ppid = size == 0 ? (text ? ppid_string_empty : ppid_binary_empty)
                       : (text ? ppid_string : ppid_binary);
  out.reliability = c->config.reliability;
  if (!c->acked)
    out.reliability.ordered = true;
  return ChannelError::none;
}

void DataChannels::close (ChannelHandle channel)
{
  const auto it = channels_.find (channel);
  if (it == channels_.end () || it->second.state == ChannelState::closing)
    return;
  Channel &c = it->second;
  if (!connected_ || (!c.said_open && c.state == ChannelState::connecting)) {
    c.reset_sent = c.reset_received = true;
    check_closed (channel);
    return;
  }
  begin_closing (c);
}

void DataChannels::begin_closing (Channel &c)
{
  c.state = ChannelState::closing;
  push (Event::Kind::closing, c.handle);
  send_reset (c);
}

void DataChannels::send_reset (Channel &c)
{
  resets_.push_back (*c.config.id);
}

// Both directions are reset: only then may the id be used again.
void DataChannels::check_closed (ChannelHandle handle)
{
  const auto it = channels_.find (handle);
  if (it == channels_.end () || !it->second.reset_sent || !it->second.reset_received)
    return;
  if (it->second.config.id)
    by_stream_.erase (*it->second.config.id);
  channels_.erase (it);
  push (Event::Kind::closed, handle);
}

void DataChannels::reset_done (std::uint16_t stream)
{
  if (Channel *c = of_stream (stream); c && c->state == ChannelState::closing) {
    c->reset_sent = true;
    check_closed (c->handle);
  }
}

void DataChannels::input_reset (std::uint16_t stream)
{
  Channel *c = of_stream (stream);
  if (!c)
    return;
  c->reset_received = true;
  if (c->state != ChannelState::closing)
    begin_closing (*c);
  else
    check_closed (c->handle);
}

std::optional<DataChannels::Received> DataChannels::input (
    std::uint16_t stream, std::uint32_t ppid, Bytes bytes)
{
  if (ppid == ppid_dcep) {
    auto message = dcep_parse (bytes, limits_.string);
    if (!message)
      faults_++;
    else if (auto *open = std::get_if<DcepOpen> (&*message))
      on_open (stream, std::move (*open));
    else
      on_ack (stream);
    return {};
  }
  Channel *c = of_stream (stream);
  const bool text = ppid == ppid_string || ppid == ppid_string_empty;
  const bool empty = ppid == ppid_string_empty || ppid == ppid_binary_empty;
  if (!c || c->reset_received || (!text && !empty && ppid != ppid_binary)) {
    faults_++;
    return {};
  }
  // Data is as good as the ACK; it may overtake it where the channel is unordered.
  if (c->state == ChannelState::connecting && c->said_open)
    on_ack (stream);
  if (c->state != ChannelState::open)
    return {};
  return Received{c->handle, text, empty ? Bytes{} : bytes};
}

void DataChannels::on_open (std::uint16_t stream, DcepOpen open)
{
  // Of the peer's own half of the ids, not taken, and with room for it.
  const bool ours = client_ && (stream % 2 == 0) == *client_;
  if (ours || stream >= streams_ || !connected_ || of_stream (stream)) {
    faults_++;
    return;
  }
  if (channels_.size () >= limits_.channels) {
    faults_++;
    resets_.push_back (stream);
    return;
  }
  Channel c;
  c.handle = next_++;
  c.remote = c.acked = c.said_open = true;
  c.config = {std::move (open.label), std::move (open.protocol), open.reliability, false, stream,
      open.priority};
  c.state = ChannelState::open;
  by_stream_[stream] = c.handle;
  push (Event::Kind::incoming, c.handle);
  transmit_.push_back ({stream, ppid_dcep, {}, dcep_build (DcepAck{})});
  channels_[c.handle] = std::move (c);
}

void DataChannels::on_ack (std::uint16_t stream)
{
  Channel *c = of_stream (stream);
  if (!c || c->config.negotiated || c->remote || c->acked) {
    faults_++;
    return;
  }
  c->acked = true;
  if (c->state == ChannelState::connecting)
    opened (*c);
}

std::optional<DataChannels::Event> DataChannels::poll_event ()
{
  if (events_.empty ())
    return {};
  const Event e = events_.front ();
  events_.pop_front ();
  return e;
}

std::optional<DataChannels::Transmit> DataChannels::poll_transmit ()
{
  if (transmit_.empty ())
    return {};
  Transmit t = std::move (transmit_.front ());
  transmit_.pop_front ();
  return t;
}

std::optional<std::uint16_t> DataChannels::poll_reset ()
{
  if (resets_.empty ())
    return {};
  const std::uint16_t id = resets_.front ();
  resets_.pop_front ();
  return id;
}
} // namespace reach::rtc
