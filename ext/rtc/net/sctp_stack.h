// SPDX-License-Identifier: LGPL-2.1-or-later
// usrsctp, which exists once in a process, without threads of its own. Associations live on any
// number of loops:
// - A call about an association is made on its own loop only.
// - The timers of all are run by whichever loop's tick comes first; usrsctp's locks allow that
//   beside calls on other loops, but not twice at once.
// - What usrsctp sends is put down (SctpLink), as it holds locks then. The association's own loop
//   takes it: after its own calls, and at its next tick when another loop's tick was the cause.
// - Addresses on its wire are numbers, never pointers (CVE-2020-6514).
#pragma once
#include "common/loop.h"
#include "common/tls.h"
#include <atomic>
#include <set>
#include <unordered_map>

struct socket;

namespace reach::rtc {
class Sctp;

// What usrsctp, on any thread, has for an association.
struct SctpLink {
  using Output = TlsSession::Output;
  static constexpr std::size_t max_output = 8 << 20; // more is lost, as in a network

  std::uintptr_t id = 0;
  std::atomic<bool> wakes{false}; // something to read, or room to write
  Guarded<Output> output;
};

class SctpStack {
public:
  static SctpStack &get (); // starts it

  // Loop thread of `owner`.
  std::shared_ptr<SctpLink> add (Loop &loop, Sctp &owner);
  void remove (Loop &loop, Sctp &owner, const std::shared_ptr<SctpLink> &link);
  // Timers of this loop are to be precise for the next second.
  void active (Loop &loop);

  // For usrsctp_set_upcall (), with the address as argument: the link may be gone when another
  // loop's tick calls it.
  static void upcall (struct socket *, void *address, int);

  // Calls of usrsctp that may send are made within one, so that the link need not be looked up.
  class Call {
  public:
    explicit Call (SctpLink &link);
    ~Call ();
    Call (const Call &) = delete;
    Call &operator= (const Call &) = delete;

  private:
    SctpLink *before_;
  };

private:
  struct Ticker {
    explicit Ticker (Loop &loop, SctpStack &stack);
    void tick ();
    void arm (TimePoint now);
    Loop &loop;
    SctpStack &stack;
    Timer timer;
    std::set<Sctp *> members;
    TimePoint active_until{};
  };
  using Links = std::unordered_map<std::uintptr_t, std::shared_ptr<SctpLink>>;
  using Tickers = std::unordered_map<Loop *, std::shared_ptr<Ticker>>;

  SctpStack ();
  static int output (void *address, void *bytes, std::size_t size, std::uint8_t, std::uint8_t);
  template <typename F> static void with_link (void *address, F &&f);
  std::shared_ptr<Ticker> ticker (Loop &loop);
  void run_timers ();

  Guarded<Links> links_;
  Guarded<Tickers> tickers_;
  // Held while usrsctp's timers run. Of ours that calls only output () and upcall (), which put
  // something down.
  std::mutex timers_;
  TimePoint last_;
  std::atomic<std::uintptr_t> next_id_{1};
};

// CRC-32C of a packet of 12 bytes at least, as it stands in its header; the field's own bytes count
// as zero.
std::uint32_t sctp_checksum (Bytes packet);
std::uint32_t sctp_checksum_portable (Bytes packet); // without help of the processor
} // namespace reach::rtc
