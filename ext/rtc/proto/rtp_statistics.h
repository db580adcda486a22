// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of a stream's numbers: extended ones, loss, jitter, what came twice (RFC 3550,
// 6.4.1 and A.1, A.3, A.8).
#pragma once
#include "common/proto/time.h"
#include "rtcp_reports.h"
#include "rtp_sequence.h"
#include <array>

namespace reach::rtc {
// Which of the last 2048 numbers were seen.
class SeenWindow {
public:
  static constexpr std::int64_t size = 2048;
  // False: seen before, or older than the window.
  bool add (std::int64_t number);
  bool has (std::int64_t number) const;
  void reset () { highest_ = -1; }

private:
  std::uint64_t &word (std::int64_t n) { return bits_[static_cast<std::uint64_t> (n % size) / 64]; }
  static std::uint64_t bit (std::int64_t n) { return std::uint64_t{1} << (n % 64); }
  std::array<std::uint64_t, size / 64> bits_{};
  std::int64_t highest_ = -1;
};

class ReceiveStatistics {
public:
  struct Limits {
    std::uint16_t dropout = 3000, misorder = 1000; // numbers; more is another stream's place
  };
  enum class Verdict : std::uint8_t {
    fresh,
    duplicate,
    strange, // far from the others: to be dropped, unless the next one follows it
    restart  // the sender has started anew at this number
  };
  ReceiveStatistics (std::uint32_t clock_rate, const Limits &limits)
      : rate_ (clock_rate), limits_ (limits)
  {
  }

  // A packet that came in its own place, not by RTX.
  Verdict input (std::uint16_t sequence, std::uint32_t timestamp, TimePoint now);
  // The extended number of the last input (), or of any other near it.
  std::int64_t number () const { return number_; }
  std::int64_t extend (std::uint16_t sequence) const { return unwrapper_.peek (sequence); }
  std::int64_t highest () const { return highest_; }
  bool started () const { return unwrapper_.started (); }

  void sender_report (std::uint64_t ntp, TimePoint now);
  // For SR or RR; starts the next interval of the lost fraction.
  ReportBlock report (std::uint32_t ssrc, TimePoint now);
  std::uint64_t received () const { return received_; }
  std::int64_t lost () const; // may be negative while packets come late
  Duration jitter () const;
  void reset ();

private:
  void start (std::uint16_t sequence);
  void note_jitter (std::uint32_t timestamp, TimePoint now);

  std::uint32_t rate_;
  Limits limits_;
  Unwrapper<std::uint16_t> unwrapper_;
  SeenWindow seen_;
  std::int64_t first_ = 0, highest_ = 0, number_ = 0;
  std::int32_t after_strange_ = -1; // the number that would make a strange one a restart
  std::uint64_t received_ = 0;
  std::int64_t expected_before_ = 0, received_before_ = 0;
  std::uint32_t last_timestamp_ = 0;
  TimePoint last_arrival_{};
  std::int64_t jitter_ = 0; // ticks, 4 bits of fraction
  std::uint32_t last_sr_ = 0;
  TimePoint sr_at_{};
};
} // namespace reach::rtc
