// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_queues.h"
#include <algorithm>

namespace reach::turn {
StreamQueues::Put StreamQueues::put (Id id, std::span<const iovec> pieces)
{
  auto all = queues_.lock ();
  const auto at = all->find (id);
  if (at == all->end ())
    return Put::gone;
  Queue &q = at->second;
  if (q.bytes.size () >= max_queued)
    return Put::full;
  for (const iovec &v : pieces) {
    const auto *from = static_cast<const std::uint8_t *> (v.iov_base);
    q.bytes.insert (q.bytes.end (), from, from + v.iov_len);
  }
  return std::exchange (q.called, true) ? Put::taken : Put::first;
}

bool StreamQueues::wait_room (std::span<const Id> ids, const Flag &stop)
{
  auto all = queues_.lock ();
  all.wait ([&] (const Map &m) {
    return stop || std::ranges::any_of (ids, [&] (Id id) {
      const auto at = m.find (id);
      return at == m.end () || at->second.bytes.size () < max_queued;
    });
  });
  return !stop;
}

bool StreamQueues::wait_empty (std::span<const Id> ids, const Flag &stop, TimePoint deadline)
{
  auto all = queues_.lock ();
  const bool done = all.wait_until (deadline, [&] (const Map &m) {
    return stop || std::ranges::all_of (ids, [&] (Id id) {
      const auto at = m.find (id);
      return at == m.end () || at->second.bytes.empty ();
    });
  });
  return done && !stop;
}

void StreamQueues::wake ()
{
  queues_.update ([] (Map &) {});
}

StreamQueues::Id StreamQueues::add ()
{
  queues_.lock ()->try_emplace (++last_);
  return last_;
}

void StreamQueues::remove (Id id)
{
  queues_.update ([id] (Map &m) { m.erase (id); });
}

std::vector<std::uint8_t> StreamQueues::take (Id id)
{
  return queues_.update ([id] (Map &m) {
    std::vector<std::uint8_t> bytes;
    if (const auto at = m.find (id); at != m.end ()) {
      at->second.called = false;
      at->second.bytes.swap (bytes);
    }
    return bytes;
  });
}
} // namespace reach::turn
