// SPDX-License-Identifier: LGPL-2.1-or-later
#include "viewer.h"
#include "cam/proto/file_exchange.h"
#include "common/prefetch.h"
#include "relay.h"

namespace reach::cam {
namespace {
// Files are bounded by their senders' windows; what is beyond waits for who takes nothing.
constexpr std::size_t max_file_bytes = 9 * (file_window + FileExchange::slack); // of 8 at most

MediaQueue::Limits limits_of (const ServerSettings &s, MediaType type)
{
  if (type == MediaType::file)
    return {.max_bytes = max_file_bytes, .max_time = {}};
  MediaQueue::Limits l{
      .max_bytes = s.buffer[static_cast<std::size_t> (type)], .max_time = s.max_queue_time};
  // The hub bounds what is under way; sources and notices need room too.
  if (type == MediaType::command)
    l.max_bytes = 2 * l.max_bytes + (1u << 20);
  return l;
}
} // namespace

Viewer::Viewer (Relay &relay, Connection &connection, MediaType type)
    : relay_ (relay), connection_ (connection), link_ (connection.link ()),
      limits_ (limits_of (relay.settings (), type)), queue_ (type, limits_)
{
}

Viewer::~Viewer ()
{
  relay_.untouch (*this);
  for (const auto &[number, home] : streams_)
    relay_.remove_listener (number, *this);
}

void Viewer::established ()
{
  link_.set_queue (&queue_);
}

void Viewer::push (const MessageRef &m)
{
  // A clock sample comes once for each stream of its source.
  if (m->header.kind == Kind::source_clock) {
    if (m.get () == last_clock_.get ())
      return;
    last_clock_ = m;
  }
  if (m->header.kind == Kind::frame && link_.core ().established ())
    link_.push (m, Clock::now ());
  else if (!queue_.push (m, Clock::now ()))
    return connection_.finish (ByeReason::closed_by_application); // takes nothing at all
  ask_for_keys ();
}

void Viewer::push_file (unsigned home, std::uint64_t file, const MessageRef &m)
{
  if (m->header.kind == Kind::file_abandon)
    files_.erase (file);
  else
    files_[file] = home;
  push (m);
}

void Viewer::on_received (Incoming m)
{
  if (m.header ().kind == Kind::file_ack)
    return on_file_ack (m.body ());
  if (m.header ().kind != Kind::command_ack)
    return;
  if (const auto ack = decode_command_ack (m.body ()))
    connection_.to_hub (sizeof *ack, true,
        [where = relay_.where (connection_), a = *ack] (Hub &h) { h.on_command_ack (where, a); });
}

void Viewer::on_file_ack (Bytes body)
{
  const auto ack = decode_file_ack (body);
  const auto it = ack ? files_.find (ack->id) : files_.end ();
  if (it == files_.end ())
    return;
  const unsigned home = it->second;
  if (ack->status != FileStatus::going_on)
    files_.erase (it);
  relay_.file_acknowledged (home, connection_.key (), *ack);
}

void Viewer::pump ()
{
  touched = false;
  link_.pump ();
  ask_for_keys ();
}

// Each step needs what the one before has fetched.
void Viewer::prefetch (std::size_t turns) const
{
  switch (turns) {
  case 3:
    return prefetch_object (*this);
  case 2:
    return prefetch_object (link_);
  default:
    return link_.prefetch_transport ();
  }
}

void Viewer::ask_for_keys ()
{
  while (const auto number = queue_.poll_key_request ())
    on_key_wanted (*number);
}

void Viewer::listen (std::uint16_t number, unsigned home, const std::vector<MessageRef> &messages,
    std::size_t bytes, bool decodable)
{
  const bool fresh = !streams_.contains (number);
  streams_[number] = home;
  if (fresh)
    relay_.add_listener (number, *this);
  if (queue_.type () == MediaType::video)
    queue_.wait_for_key (number); // nothing of what was before
  // A group of pictures is there at once: it is not to be dropped for being larger than the buffer.
  MediaQueue::Limits raised = limits_;
  raised.max_bytes += queue_.bytes () + bytes;
  queue_.set_limits (raised);
  raised_ = true;
  for (const MessageRef &m : messages)
    push (m);
  relay_.touch (*this);
  if (!decodable)
    relay_.want_key (home, number, true);
}

void Viewer::leave (std::uint16_t number)
{
  if (streams_.erase (number) > 0)
    relay_.remove_listener (number, *this);
}

void Viewer::on_key_wanted (std::uint16_t stream)
{
  if (const auto it = streams_.find (stream); it != streams_.end ())
    relay_.want_key (it->second, stream, false);
}

void Viewer::on_sent ()
{
  if (raised_ && queue_.empty ()) {
    raised_ = false;
    queue_.set_limits (limits_);
  }
}
} // namespace reach::cam
