// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sctp_stack.h"
#include "sctp.h"
#include <cstring>
#include <usrsctp.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace reach::rtc {
namespace {
constexpr auto tick = milliseconds (10), idle_tick = milliseconds (100);
constexpr std::size_t checksum_at = 8, header = 12;

thread_local SctpLink *current = nullptr; // of the call that this thread is in

void put (SctpLink &link, const void *bytes, std::size_t size)
{
  link.output.update ([&] (SctpLink::Output &o) {
    if (o.bytes.size () + size > SctpLink::max_output)
      return;
    const auto *b = static_cast<const std::uint8_t *> (bytes);
    o.bytes.insert (o.bytes.end (), b, b + size);
    o.sizes.push_back (static_cast<std::uint16_t> (size));
  });
}

#if defined(__x86_64__)
// A quarter of the time that usrsctp's tables take.
__attribute__ ((target ("sse4.2"))) std::uint32_t crc_hardware (Bytes packet)
{
  std::uint64_t word;
  std::memcpy (&word, packet.data (), sizeof word);
  std::uint64_t crc = _mm_crc32_u64 (0xffffffff, word);
  crc = _mm_crc32_u32 (static_cast<std::uint32_t> (crc), 0); // the field itself
  std::size_t i = header;
  for (; i + 8 <= packet.size (); i += 8) {
    std::memcpy (&word, packet.data () + i, sizeof word);
    crc = _mm_crc32_u64 (crc, word);
  }
  auto rest = static_cast<std::uint32_t> (crc);
  for (; i < packet.size (); i++)
    rest = _mm_crc32_u8 (rest, packet[i]);
  return ~rest;
}
#endif
} // namespace

std::uint32_t sctp_checksum (Bytes packet)
{
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports ("sse4.2");
  if (hardware)
    return crc_hardware (packet);
#endif
  return sctp_checksum_portable (packet);
}

std::uint32_t sctp_checksum_portable (Bytes packet)
{
  std::vector<std::uint8_t> copy (packet.begin (), packet.end ());
  std::memset (copy.data () + checksum_at, 0, 4);
  return usrsctp_crc32c (copy.data (), copy.size ());
}

SctpStack &SctpStack::get ()
{
  // Never ended: usrsctp would have to be asked until its last timer is gone.
  static auto *const stack = new SctpStack;
  return *stack;
}

SctpStack::SctpStack () : last_ (Clock::now ())
{
  usrsctp_init_nothreads (0, output, nullptr);
  usrsctp_enable_crc32c_offload ();
  usrsctp_sysctl_set_sctp_blackhole (2); // no answers to packets of no association
  usrsctp_sysctl_set_sctp_ecn_enable (0);
  usrsctp_sysctl_set_sctp_asconf_enable (0);
  usrsctp_sysctl_set_sctp_auth_enable (0);
  usrsctp_sysctl_set_sctp_nrsack_enable (0);
  usrsctp_sysctl_set_sctp_pktdrop_enable (0);
  usrsctp_sysctl_set_sctp_max_chunks_on_queue (16384);
  usrsctp_sysctl_set_sctp_initial_cwnd (10);
  usrsctp_sysctl_set_sctp_max_burst_default (64);
  usrsctp_sysctl_set_sctp_fr_max_burst_default (16);
  usrsctp_sysctl_set_sctp_rto_initial_default (1000);
  usrsctp_sysctl_set_sctp_rto_min_default (200);
  // Not RFC 9260's 60 s: when a FORWARD TSN is lost, nothing else makes the time shorter again, and
  // a channel that may lose messages would wait for it. As many attempts as last 33 s for the
  // handshake, and 57 s afterwards.
  usrsctp_sysctl_set_sctp_rto_max_default (3000);
  usrsctp_sysctl_set_sctp_init_rto_max_default (3000);
  usrsctp_sysctl_set_sctp_init_rtx_max_default (12);
  usrsctp_sysctl_set_sctp_assoc_rtx_max_default (22);
  usrsctp_sysctl_set_sctp_delayed_sack_time_default (20);
}

int SctpStack::output (void *address, void *bytes, std::size_t size, std::uint8_t, std::uint8_t)
{
  if (size < header)
    return 0;
  auto *p = static_cast<std::uint8_t *> (bytes);
  const std::uint32_t crc = sctp_checksum ({p, size});
  std::memcpy (p + checksum_at, &crc, 4);
  with_link (address, [&] (SctpLink &link) { put (link, bytes, size); });
  return 0;
}

template <typename F> void SctpStack::with_link (void *address, F &&f)
{
  const auto id = reinterpret_cast<std::uintptr_t> (address);
  if (current && current->id == id)
    return f (*current);
  std::shared_ptr<SctpLink> link;
  get ().links_.update ([&] (Links &l) {
    if (const auto it = l.find (id); it != l.end ())
      link = it->second;
  });
  if (link)
    f (*link);
}

// Any loop's thread, with usrsctp's locks held.
void SctpStack::upcall (struct socket *, void *address, int)
{
  with_link (address, [] (SctpLink &link) { link.wakes.store (true, std::memory_order_release); });
}

SctpStack::Call::Call (SctpLink &link) : before_ (current)
{
  current = &link;
}

SctpStack::Call::~Call ()
{
  current = before_;
}

std::shared_ptr<SctpStack::Ticker> SctpStack::ticker (Loop &loop)
{
  return tickers_.update ([&] (Tickers &t) {
    const auto it = t.find (&loop);
    return it == t.end () ? nullptr : it->second;
  });
}

std::shared_ptr<SctpLink> SctpStack::add (Loop &loop, Sctp &owner)
{
  auto link = std::make_shared<SctpLink> ();
  link->id = next_id_.fetch_add (1);
  links_.update ([&] (Links &l) { l[link->id] = link; });
  auto t = ticker (loop);
  if (!t) {
    t = std::make_shared<Ticker> (loop, *this);
    tickers_.update ([&] (Tickers &all) { all[&loop] = t; });
  }
  t->members.insert (&owner);
  usrsctp_register_address (reinterpret_cast<void *> (link->id));
  active (loop);
  return link;
}

void SctpStack::remove (Loop &loop, Sctp &owner, const std::shared_ptr<SctpLink> &link)
{
  usrsctp_deregister_address (reinterpret_cast<void *> (link->id));
  links_.update ([&] (Links &l) { l.erase (link->id); });
  const auto t = ticker (loop);
  t->members.erase (&owner);
  if (t->members.empty ()) {
    t->timer.cancel ();
    tickers_.update ([&] (Tickers &all) { all.erase (&loop); });
  }
}

void SctpStack::active (Loop &loop)
{
  if (const auto t = ticker (loop)) {
    const TimePoint now = Clock::now ();
    t->active_until = now + seconds (1);
    if (!t->timer.armed () || t->timer.when () > now + tick)
      t->timer.arm (now + tick);
  }
}

void SctpStack::run_timers ()
{
  const std::unique_lock lock (timers_, std::try_to_lock);
  if (!lock.owns_lock ())
    return; // another loop is at it
  const TimePoint now = Clock::now ();
  const auto elapsed = std::chrono::duration_cast<milliseconds> (now - last_);
  if (elapsed < tick / 2)
    return;
  last_ += elapsed;
  usrsctp_handle_timers (
      static_cast<std::uint32_t> (std::min<std::int64_t> (elapsed.count (), 60000)));
}

SctpStack::Ticker::Ticker (Loop &l, SctpStack &s)
    : loop (l), stack (s), timer (l.timers (), [this] { tick (); })
{
}

void SctpStack::Ticker::arm (TimePoint now)
{
  timer.arm (now + (now < active_until ? rtc::tick : idle_tick));
}

void SctpStack::Ticker::tick ()
{
  const auto self = stack.ticker (loop); // stays while its members go
  arm (Clock::now ());
  stack.run_timers ();
  const std::vector<Sctp *> now (members.begin (), members.end ());
  for (Sctp *s : now)
    if (members.contains (s))
      s->look ();
}
} // namespace reach::rtc
