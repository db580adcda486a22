// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publisher.h"
#include "cam/proto/command.h"
#include "relay.h"

namespace reach::cam {
namespace {
constexpr std::size_t max_early = 16u << 20, max_early_messages = 4096;
constexpr std::size_t max_commands = 64; // twice what a camsender has under way

class StorageOwner final : public Shared {
public:
  explicit StorageOwner (std::unique_ptr<Storage> s) : storage (std::move (s)) {}
  const std::unique_ptr<Storage> storage;
};

// What is behind the header, kept alive by whoever references it.
Slice body_of (Incoming m)
{
  const Bytes body = m.body ();
  return {body, Counted<const StorageOwner>::make (std::move (m.storage))};
}

bool of_stream (Kind k)
{
  return k >= Kind::caps && k <= Kind::eos;
}
} // namespace

Publisher::Publisher (Relay &relay, Connection &connection, const Role &role)
    : relay_ (relay), connection_ (connection), source_ (role.source), bandwidth_ (role.bandwidth)
{
  add_streams (role.streams);
}

Publisher::~Publisher ()
{
  for (const auto &[theirs, e] : streams_)
    relay_.remove_home (*e.stream);
}

void Publisher::add_streams (const std::vector<NumberedStream> &streams)
{
  for (const NumberedStream &n : streams) {
    auto [it, fresh] = streams_.try_emplace (n.theirs);
    if (!fresh)
      continue;
    PublishedStream *s = (it->second.stream = std::make_unique<PublishedStream> (
                              n.info, relay_.settings ().gop_cache))
                             .get ();
    it->second.key_timer =
        std::make_unique<Timer> (relay_.loop ().timers (), [this, s] { look_after_keys (*s); });
    relay_.add_home (*this, *s);
  }
  early_bytes_ = 0;
  for (Incoming &m : std::exchange (early_, {}))
    on_received (std::move (m));
}

void Publisher::on_received (Incoming m)
{
  const MessageHeader h = m.header ();
  if (h.kind == Kind::command)
    return pass_on (std::move (m));
  if (h.kind >= Kind::file_begin && h.kind <= Kind::file_end)
    return on_file (std::move (m));
  if (!of_stream (h.kind))
    return;
  const auto it = streams_.find (h.stream);
  if (it == streams_.end ())
    return hold_back (std::move (m));
  publish (it->second, std::move (m));
}

// What is too much goes before anybody can see a part of it.
bool Publisher::within_bandwidth (Entry &e, Bytes frame)
{
  if (!bandwidth_)
    return true;
  const auto h = FrameHeader::parse (frame);
  const bool video = e.stream->type () == MediaType::video;
  if (h && !(video && e.cut && (h->flags & frame_delta_unit)) &&
      bandwidth_->take (frame.size (), Clock::now ())) {
    e.cut = false;
    return true;
  }
  e.cut = true;
  relay_.count ().frames_limited++;
  return false;
}

void Publisher::publish (Entry &e, Incoming m)
{
  const MessageHeader h = m.header ();
  if (h.kind == Kind::frame && !within_bandwidth (e, m.body ()))
    return;
  PublishedStream &s = *e.stream;
  std::uint8_t *header = m.storage->bytes ().data (); // the sender's; ours takes its place
  Slice body = body_of (std::move (m));
  const TimePoint now = Clock::now ();
  const MessageRef out = s.input (h, body, now, header);
  if (!out)
    return;
  if (h.kind == Kind::caps || h.kind == Kind::tags || h.kind == Kind::eos)
    connection_.to_hub (body.size (), true,
        [where = relay_.where (connection_), n = s.number (), h, body] (
            Hub &hub) { hub.on_sticky (where, n, h, body.bytes); });
  relay_.publish (s, out);
}

// The hub reads it. Who does not wait for answers does not fill its inbox.
void Publisher::pass_on (Incoming command)
{
  if (commands_ < max_commands) {
    commands_++;
    return relay_.to_hub (
        [where = relay_.where (connection_), body = body_of (std::move (command))] (
            Hub &hub) { hub.on_command (where, body.bytes); });
  }
  const CommandAck no{command_id (command.body ()), CommandStatus::no_room};
  connection_.reply (
      Message::control (Kind::command_ack, MediaType::command, 0, encode (no), Clock::now ()));
}

// A new begin, of the same file too, ends the one under way: the sender has given it up.
void Publisher::on_file (Incoming m)
{
  const MessageHeader h = m.header ();
  if (h.kind == Kind::file_begin) {
    courier_.reset ();
    if (auto b = decode_file_begin (m.body ()))
      return connection_.to_hub (m.body ().size (), true,
          [where = relay_.where (connection_), begin = std::move (*b)] (
              Hub &hub) { hub.on_file_begin (where, begin); });
    const std::uint64_t id = ByteReader (m.body ()).u64 ();
    return connection_.reply (Message::control (Kind::file_ack, MediaType::file, 0,
        encode (FileAck{id, FileStatus::malformed, 0}), Clock::now ()));
  }
  if (!courier_)
    return; // of a file that is over
  if (h.kind == Kind::file_end) {
    if (const auto e = decode_file_end (m.body ()); e && e->id == courier_->sender_id ())
      courier_->end (*e);
    return;
  }
  const Slice body = body_of (std::move (m));
  if (const auto d = decode_file_data (body.bytes); d && d->id == courier_->sender_id ())
    courier_->data (*d, body.sub (FileData::size, body.size () - FileData::size));
}

void Publisher::carry (const FileJob &job)
{
  courier_.reset ();
  courier_ = std::make_unique<FileCourier> (
      relay_, connection_, job, [this] { relay_.loop ().destroy_later (std::move (courier_)); });
}

void Publisher::hold_back (Incoming m)
{
  const std::size_t size = m.bytes ().size ();
  if (early_bytes_ + size > max_early || early_.size () >= max_early_messages)
    return;
  early_bytes_ += size;
  early_.push_back (std::move (m));
}

void Publisher::on_clock (const Ping &p)
{
  if (p.running_time == no_time)
    return;
  connection_.to_hub (
      sizeof p, true, [where = relay_.where (connection_), p, now = Clock::now ()] (Hub &h) {
        h.on_clock (where, p, now);
      });
  const MessageRef m = Message::control (Kind::source_clock, MediaType::data, 0,
      encode (SourceClock{source_, p.running_time, p.latency, p.epoch}), Clock::now ());
  for (const auto &[theirs, e] : streams_)
    relay_.publish (*e.stream, m);
}

void Publisher::on_streams (const StreamList &l)
{
  std::size_t bytes = 0;
  for (const StreamInfo &i : l.streams)
    bytes += sizeof i + i.caps.size ();
  connection_.to_hub (
      bytes, false, [where = relay_.where (connection_), l] (Hub &h) { h.on_streams (where, l); });
}

void Publisher::established ()
{
  for (const auto &[theirs, e] : streams_)
    look_after_keys (*e.stream);
}

void Publisher::look_after_keys (PublishedStream &s)
{
  if (!connection_.link ().core ().established ())
    return; // a listener may be there before the welcome
  for (auto &[theirs, e] : streams_) {
    if (e.stream.get () != &s)
      continue;
    if (s.poll_key_request (Clock::now ())) {
      relay_.count ().key_requests++;
      connection_.link ().send_control (
          Message::control (Kind::key_unit, MediaType::video, theirs, {}, Clock::now ()));
    }
    if (const TimePoint t = s.poll_timeout (); t != TimePoint::max ())
      e.key_timer->arm (t);
    return;
  }
}

std::size_t Publisher::cached_bytes () const
{
  std::size_t n = 0;
  for (const auto &[theirs, e] : streams_)
    n += e.stream->cached_bytes ();
  return n;
}
} // namespace reach::cam
