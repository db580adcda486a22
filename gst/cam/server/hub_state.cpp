// SPDX-License-Identifier: LGPL-2.1-or-later
// What outlives the server: a worker writes it, one write at a time. An ask is answered when all
// that was decided up to then is on the disk.
#include "media_server.h"
#include "state_file.h"

namespace reach::cam {
namespace {
constexpr std::size_t max_held = 16u << 20; // bytes of answers that wait for the disk
} // namespace

bool Hub::load (Bytes state)
{
  if (!router_.load (state))
    return false;
  ban_blocked ();
  return true;
}

void Hub::answer (Where link, const MessageRef &m)
{
  if (!state_dirty_ && !state_writing_) {
    server_.relay (link.relay).post ([key = link.link, m] (Relay &r) { r.answer (key, m); });
  } else if (held_bytes_ + m->size () > max_held) {
    server_.relay (link.relay).post ([key = link.link] (Relay &r) {
      r.finish (key, ByeReason::closed_by_application);
    });
  } else {
    held_bytes_ += m->size ();
    held_.push_back ({link, m});
  }
}

void Hub::write_state ()
{
  const std::string &path = server_.settings ().state_file;
  if (!state_dirty_ || state_writing_)
    return;
  state_dirty_ = false;
  state_writing_ = true;
  covered_ = held_.size ();
  if (!disk_)
    disk_ = std::make_unique<SerialQueue> ("cam-state");
  disk_->post ([&server = server_, path, state = router_.save ()] {
    std::string error;
    store_state (path, state, error);
    server.to_hub ([error] (Hub &h) { h.state_written (error); });
  });
}

void Hub::state_written (const std::string &error)
{
  if (stopped_)
    return;
  state_writing_ = false;
  if (error != std::exchange (state_error_, error) && !error.empty ())
    server_.events ().on_state_lost (error);
  std::size_t n = state_dirty_ ? covered_ : held_.size ();
  for (; n > 0; n--) {
    const auto [link, m] = std::move (held_.front ());
    held_.pop_front ();
    held_bytes_ -= m->size ();
    server_.relay (link.relay).post ([key = link.link, m = m] (Relay &r) { r.answer (key, m); });
  }
  write_state ();
}

// The last word: nothing comes after it.
void Hub::finish_state ()
{
  const bool write = std::exchange (state_dirty_, false);
  disk_.reset (); // what it has is written first
  std::string error;
  if (write && !store_state (server_.settings ().state_file, router_.save (), error))
    server_.events ().on_state_lost (error);
  held_.clear ();
}
} // namespace reach::cam
