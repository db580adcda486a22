// SPDX-License-Identifier: LGPL-2.1-or-later
// The messages to send, cut into fragments, until they are acknowledged or too late; and which
// fragments go out again, within a budget.
#pragma once
#include "datagram_packet.h"

namespace reach::cam {

class Outbox {
public:
  Outbox (const DatagramConfig &config, DatagramStats &stats) : config_ (config), stats_ (stats) {}
  void start (std::uint32_t first_message);
  void set_latency (Duration latency) { latency_ = latency; }
  void set_peer_windows (std::uint32_t messages, std::uint32_t bytes);

  void push (MessageRef m, std::uint32_t created_us, TimePoint created);
  std::size_t backlog () const { return backlog_; } // bytes never sent
  bool idle () const { return messages_.empty (); }
  // All before it is acknowledged or given up.
  std::uint32_t oldest () const;
  // Gives up what can no longer arrive in time; what left in time has `grace` for its
  // acknowledgement. Before each round of sending.
  void expire (TimePoint now, Duration grace);
  // Gives up what cannot be sent in time at this many bytes per second, before it costs any.
  void drop_hopeless (TimePoint now, double rate);
  TimePoint expiry () const;
  // The peer wants no message before this any more. False: it names one that was never sent.
  bool finished_before (std::uint32_t message, TimePoint now);

  // First transmissions. The fragment takes at most `space` bytes of payload.
  bool has_new () { return backlog_ > 0 && !blocked (); }
  bool blocked (); // by the peer's windows
  // When the oldest message of which something is unsent was made, if it has a deadline; else
  // `now`.
  TimePoint waits_since (TimePoint now) const;
  // What is left of the message that cut () works on. Only after has_new ().
  std::size_t cut_left () const { return messages_[cutting_].total - messages_[cutting_].cut; }
  std::uint64_t cut (std::size_t space);

  // Repeated transmissions: the next one due, or none. `rtt` decides what is the last chance.
  bool has_repeat (TimePoint now) { return peek_repeat (now) != nullptr; }
  std::optional<std::uint64_t> take_repeat (TimePoint now, Duration rtt, std::size_t space);
  TimePoint repeat_time (); // of a second copy that waits its time

  void on_sent (std::uint64_t fragment);
  void on_acked (std::uint64_t fragment);
  void on_lost (std::uint64_t fragment);
  // Sent again, though not known to be lost.
  void probe (std::uint64_t fragment);

  std::size_t fragment_size (std::uint64_t fragment) const { return fragments_[fragment].length; }
  FragmentHeader header (std::uint64_t fragment) const;
  struct Slices {
    Bytes head, body;
  };
  Slices slices (std::uint64_t fragment) const;

private:
  struct Out {
    MessageRef message; // empty: acknowledged or given up
    TimePoint deadline{};
    std::uint32_t total = 0, cut = 0, acked = 0, created_us = 0;
    std::uint64_t sequence = 0; // on the wire, once begun
    std::uint16_t since_previous = 0, reliable_before = 0;
    bool reliable = false;
  };
  struct Begun {
    std::uint64_t id = 0;
    std::uint32_t total = 0;
  };
  struct Fragment {
    std::uint64_t message = 0; // its id here, not its sequence
    std::uint32_t offset = 0;
    std::uint16_t length = 0;
    std::uint8_t times = 0;  // sent
    std::uint8_t copies = 0; // in flight
    bool acked = false;
    bool queued = false;
  };
  struct Copy {
    std::uint64_t fragment = 0;
    TimePoint due{};
  };

  bool alive (const Fragment &f) const;
  bool sendable (const Fragment &f, TimePoint now) const;
  bool affordable (const Fragment &f) const;
  const Fragment *peek_repeat (TimePoint now);
  TimePoint expiry_of (const Out &o) const;
  void begin (Out &o);
  void release (Out &o, bool given_up);
  void pop ();
  void queue (std::uint64_t fragment);

  const DatagramConfig &config_;
  DatagramStats &stats_;
  Duration latency_{}, grace_{};
  IndexedRing<Out> messages_;
  IndexedRing<Fragment> fragments_;
  // Fragment ids, lost first first. Reliable ones do not wait behind others that have no budget.
  IndexedRing<std::uint64_t> reliable_repeats_, repeats_;
  IndexedRing<Copy> copies_;   // second copies, slightly later
  std::uint64_t cutting_ = 0;  // the message that new fragments come from
  std::uint64_t expiring_ = 0; // messages before this are reliable or were looked at
  std::uint64_t newest_reliable_ = 0;
  bool any_reliable_ = false;
  std::uint32_t previous_created_us_ = 0;
  std::uint64_t bytes_beyond_ = 0; // of the messages begun, for the peer's window
  IndexedRing<Begun> begun_;       // by sequence, from the peer's next wanted one on
  std::uint32_t peer_messages_ = 1024, peer_bytes_ = 1u << 20;
  std::size_t backlog_ = 0;
  std::int64_t budget_ = 0;
};
} // namespace reach::cam
