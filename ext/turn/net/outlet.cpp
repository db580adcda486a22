// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outlet.h"
#include <algorithm>
#include <unistd.h>

namespace reach::turn {
Wire::~Wire ()
{
  ::close (fd_);
}

Outlet::Outlet (std::vector<stun::Address> peers)
{
  set_peers (std::move (peers));
  shown_.lock ()->table = std::make_shared<const Table> ();
}

bool Outlet::add_peer (const stun::Address &peer, stun::Address &old)
{
  if (!by_buffer_ || std::ranges::count (peers_, peer) > 0)
    return false;
  std::size_t at = peers_.size ();
  if (at >= max_peers) {
    const auto first = std::ranges::min_element (
        used_, {}, [] (const auto &turn) { return turn.load (std::memory_order_relaxed); });
    at = static_cast<std::size_t> (first - used_.begin ());
    old = peers_[at];
    peers_[at] = peer;
  } else {
    peers_.push_back (peer);
  }
  used_[at] = turn_.load ();
  return true;
}

void Outlet::publish (Table t)
{
  last_ = t.state;
  all_refused_ = t.state == State::ready && !t.targets.empty () &&
                 std::ranges::all_of (
                     t.targets, [] (const Target &x) { return x.route == Client::Route::refused; });
  auto table = std::make_shared<const Table> (std::move (t));
  shown_.update ([&] (Shown &s) { s.table.swap (table); });
  version_.fetch_add (1, std::memory_order_release);
}

void Outlet::refresh (TablePtr &table, std::uint64_t &version)
{
  const std::uint64_t now = version_.load (std::memory_order_acquire);
  if (now == version)
    return;
  version = now;
  table = shown_.lock ()->table;
}

Outlet::TablePtr Outlet::wait ()
{
  auto s = shown_.lock ();
  s.wait ([] (const Shown &x) { return x.flushing || x.table->state != State::opening; });
  return s->flushing ? nullptr : s->table;
}

void Outlet::set_flushing (bool on)
{
  flushing_ = on;
  const auto streams = shown_.update ([on] (Shown &s) {
    s.flushing = on;
    return s.table->streams;
  });
  if (streams)
    streams->wake ();
}

// The older half, so that each byte is moved once at most on average.
std::size_t Outlet::drop_oldest (Queue &q)
{
  std::size_t bytes = 0, n = 0;
  while (n < q.sizes.size () && bytes <= max_queued / 2)
    bytes += q.sizes[n++];
  q.bytes.erase (q.bytes.begin (), q.bytes.begin () + static_cast<std::ptrdiff_t> (bytes));
  q.sizes.erase (q.sizes.begin (), q.sizes.begin () + static_cast<std::ptrdiff_t> (n));
  return n;
}

bool Outlet::queue (Bytes header, std::span<const iovec> payload, std::size_t padding)
{
  auto q = queue_.lock ();
  if (q->bytes.size () > max_queued)
    dropped_ += drop_oldest (*q);
  const std::size_t before = q->bytes.size ();
  q->bytes.insert (q->bytes.end (), header.begin (), header.end ());
  for (const iovec &v : payload) {
    const auto *from = static_cast<const std::uint8_t *> (v.iov_base);
    q->bytes.insert (q->bytes.end (), from, from + v.iov_len);
  }
  q->bytes.resize (q->bytes.size () + padding);
  q->sizes.push_back (static_cast<std::uint32_t> (q->bytes.size () - before));
  return !std::exchange (q->called, true);
}

void Outlet::discard ()
{
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> sizes;
  take (bytes, sizes);
  dropped_ += sizes.size ();
}

bool Outlet::take (std::vector<std::uint8_t> &bytes, std::vector<std::uint32_t> &sizes)
{
  bytes.clear ();
  sizes.clear ();
  auto q = queue_.lock ();
  q->called = false;
  q->bytes.swap (bytes);
  q->sizes.swap (sizes);
  return !sizes.empty ();
}
} // namespace reach::turn
