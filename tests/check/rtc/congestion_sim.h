// SPDX-License-Identifier: LGPL-2.1-or-later
// An encoder that follows the estimate, a paced sender, a link, a receiver that sends feedback.
#pragma once
#include "rtc/proto/congestion_control.h"
#include "rtc/proto/twcc_receiver.h"
#include "rtc_sim.h"

namespace reach::test {
using namespace reach::rtc;

struct Flow {
  CongestionController::Config config;
  Link forward{7}, back{8};
  TimePoint now{seconds (5000)};
  std::unique_ptr<CongestionController> control;
  TwccReceiver receiver{TwccReceiver::Config{}};
  std::deque<std::size_t> queue; // packets that the encoder has made
  TimePoint frame{now};
  double encoder_max = 1e9; // bit/s: what the source needs
  std::uint64_t received_bytes = 0, padding_bytes = 0, sent_bytes = 0;
  std::mt19937 random{3};
  bool padding = true;

  void start () { control = std::make_unique<CongestionController> (config, now); }

  void make_frame ()
  {
    const double bits = std::min (control->bitrate (), encoder_max) / 30;
    // Frames differ by a quarter.
    auto bytes = static_cast<std::size_t> (
        bits / 8 * std::uniform_real_distribution<> (0.75, 1.25) (random));
    for (; bytes > 0; bytes -= std::min<std::size_t> (bytes, 1100))
      queue.push_back (std::clamp<std::size_t> (bytes, 60, 1100) + 60);
    frame += microseconds (33333);
  }
  void put (std::size_t size)
  {
    std::vector<std::uint8_t> b (size);
    store_be (b.data (), control->sent (size, now));
    sent_bytes += size;
    forward.send (b, now);
  }
  void send ()
  {
    while (now >= control->next_send ()) {
      if (!queue.empty ()) {
        put (queue.front ());
        queue.pop_front ();
      } else if (const std::size_t n = padding ? control->padding_wanted (now) : 0) {
        const std::size_t size = std::clamp<std::size_t> (n, 100, 1160);
        padding_bytes += size;
        put (size);
      } else
        break;
    }
  }
  void step ()
  {
    now += microseconds (500);
    if (now >= frame)
      make_frame ();
    if (now >= control->poll_timeout ())
      control->timeout (now);
    send ();
    while (const auto b = forward.receive (now)) {
      received_bytes += b->size ();
      receiver.received (load_be<std::uint16_t> (b->data ()), 1, b->size (), now);
    }
    receiver.timeout (now);
    std::uint8_t buffer[1200];
    RtcpWriter w (buffer);
    while (receiver.poll_transmit (w)) {
      back.send (w.datagram (), now);
      w = RtcpWriter (buffer);
    }
    while (const auto b = back.receive (now)) {
      auto r = RtcpReader::parse (*b);
      fail_unless (r.has_value ());
      const auto f = TwccFeedback::parse (*r->next ());
      fail_unless (f.has_value ());
      control->input (*f, now);
    }
  }
  void run (Duration d)
  {
    for (const TimePoint end = now + d; now < end;)
      step ();
  }
  // Until it holds; how long it took, or `limit`.
  template <typename F> Duration until (Duration limit, F &&holds)
  {
    const TimePoint began = now;
    while (now - began < limit && !holds ())
      step ();
    return now - began;
  }
  // Of what the link can carry, how much came through.
  double use (Duration d)
  {
    const std::uint64_t before = received_bytes;
    run (d);
    return static_cast<double> (received_bytes - before) * 8 /
           std::chrono::duration<double> (d).count () / forward.rate;
  }
};
} // namespace reach::test
