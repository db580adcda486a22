// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer and a peer that has passed DTLS, and then attacks.
#include "rtc_hostile.h"
#include "rtc/proto/rtcp_feedback.h"
#include "rtc/proto/rtcp_reports.h"
#include <random>

using namespace reach;
using namespace reach::test;
using namespace reach::rtc;

namespace {
std::string victim (const std::string &more = {})
{
  return "rtcpeer name=peer " + more + " " + small_h264 + " ! peer.video_0";
}

// Events that ask the encoder for a key frame.
class KeyframesAsked {
public:
  explicit KeyframesAsked (Caller &c)
  {
    const auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (c.peer, "video_0"));
    pad_ = Ref<GstPad>::adopt (gst_pad_get_peer (pad.get ()));
    probe_ = gst_pad_add_probe (
        pad_.get (), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
        [] (GstPad *, GstPadProbeInfo *info, gpointer self) {
          if (gst_event_has_name (GST_PAD_PROBE_INFO_EVENT (info), "GstForceKeyUnit"))
            static_cast<KeyframesAsked *> (self)->n_++;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }
  ~KeyframesAsked () { gst_pad_remove_probe (pad_.get (), probe_); }
  unsigned count () const { return n_; }

private:
  Ref<GstPad> pad_;
  gulong probe_ = 0;
  std::atomic<unsigned> n_{0};
};

template <typename Write> void send_feedback (HostilePeer &p, Write &&write)
{
  std::array<std::uint8_t, 1200> room;
  RtcpWriter w (room);
  write (w);
  p.send_rtcp (w.datagram ());
}

// A call that media pass already.
struct Call {
  std::shared_ptr<Loop> loop = std::make_shared<Loop> ("hostile");
  Caller victim;
  HostilePeer peer{loop, victim};
  double memory = 0; // MiB, before the attack
  gint64 begin = 0;

  explicit Call (const std::string &more = {}, const std::string &video = {})
      : victim (::victim (more))
  {
    victim.play ();
    peer.call (video);
    fail_unless (wait_rtp (10));
    memory = memory_used ();
    begin = g_get_monotonic_time ();
  }
  double seconds_passed () const { return double (g_get_monotonic_time () - begin) / 1e6; }
  bool wait_rtp (std::size_t more)
  {
    const std::size_t before = peer.seen.get ().rtp;
    return peer.seen.wait ([=] (const Peer::Seen &s) { return s.rtp >= before + more; });
  }
  // For each packet that comes, on the peer's loop; null: nothing any more.
  void on_each (std::function<void (std::uint32_t ssrc, std::uint16_t number)> what)
  {
    loop->call ([&] { peer.on_each = std::move (what); });
  }
  // Nothing of it has stayed, media go on, and the end is quick.
  void expect_well ()
  {
    fail_unless (wait_rtp (30));
    const double more = memory_used () - memory;
    fail_unless (more < most_more_memory, "%f MiB", more);
    const double ms = time_to_end (victim);
    fail_unless (ms < longest_end, "%f ms", ms);
  }
};
} // namespace

// A PLI or FIR for each packet: an encoder that made a key frame each time would have nothing left
// for the others, who get the same pictures.
GST_START_TEST (test_key_frames_are_rationed)
{
  Call c;
  KeyframesAsked asked (c.victim);
  std::uint8_t number = 0;
  c.on_each ([&] (std::uint32_t ssrc, std::uint16_t) {
    send_feedback (c.peer, [&] (RtcpWriter &w) {
      write_pli (w, 1, ssrc);
      write_fir (w, 1, {ssrc, number++});
    });
  });
  fail_unless (c.wait_rtp (150));
  const double most = 5 + c.seconds_passed ();
  fail_unless (asked.count () >= 2);
  fail_unless (asked.count () <= most, "%u in %f s", asked.count (), c.seconds_passed ());
  c.on_each (nullptr);
  c.expect_well ();
}
GST_END_TEST

// Feedback of numbers that never were, times that cannot be, and of everything lost.
GST_START_TEST (test_estimate_stays_in_bounds)
{
  Call c ("min-bitrate=200000 max-bitrate=3000000");
  std::minstd_rand random (1);
  std::uint8_t count = 0;
  c.on_each ([&] (std::uint32_t ssrc, std::uint16_t) {
    for (int i = 0; i < 4; i++)
      send_feedback (c.peer, [&] (RtcpWriter &w) {
        const std::size_t size = 16 + 4 * (random () % 16);
        std::uint8_t *b = w.add (RtcpType::transport_feedback, fmt_transport_wide, size);
        for (std::size_t at = 0; at < size; at++)
          b[at] = static_cast<std::uint8_t> (random ());
        store_be<std::uint32_t> (&b[4], ssrc);
        store_be<std::uint16_t> (&b[8], static_cast<std::uint16_t> (random () % 512));
        store_be<std::uint16_t> (&b[10], static_cast<std::uint16_t> (random () % 32));
        b[15] = count++;
      });
    send_feedback (c.peer, [&] (RtcpWriter &w) {
      const std::uint32_t of[] = {ssrc};
      write_remb (w, 1, random () % 2 ? 1 : 1ull << 60, of);
    });
  });
  for (int i = 0; i < 15; i++) {
    fail_unless (c.wait_rtp (10));
    const auto estimate = c.victim.get<guint> ("estimated-bitrate");
    fail_unless (estimate == 0 || (estimate >= 200000 && estimate <= 3000000), "%u", estimate);
  }
  c.on_each (nullptr);
  c.expect_well ();
}
GST_END_TEST

// Packets of any stream, and all of ours again, and again.
GST_START_TEST (test_streams_without_number)
{
  Call c;
  std::minstd_rand random (1);
  c.on_each ([&] (std::uint32_t ssrc, std::uint16_t number) {
    for (int i = 0; i < 50; i++) {
      std::vector<std::uint8_t> p = make_rtp (static_cast<std::uint16_t> (random ()), 200);
      p[0] = static_cast<std::uint8_t> (random () % 2 ? 0x90 : 0x80);
      p[1] = static_cast<std::uint8_t> (random () % 4 ? 96 : random ());
      store_be<std::uint32_t> (&p[8], static_cast<std::uint32_t> (random ()));
      c.peer.send_rtp (std::move (p));
    }
    send_feedback (c.peer, [&] (RtcpWriter &w) {
      const std::uint32_t own[] = {static_cast<std::uint32_t> (random ())};
      write_bye (w, own);
      for (int i = 0; i < 5; i++) { // 17 packets in each entry
        constexpr std::size_t entries = 40;
        std::uint8_t *b = w.add (RtcpType::transport_feedback, fmt_nack, 8 + 4 * entries);
        store_be<std::uint32_t> (b, 1);
        store_be<std::uint32_t> (b + 4, ssrc);
        for (std::size_t e = 0; e < entries; e++) {
          store_be<std::uint16_t> (
              b + 8 + 4 * e, static_cast<std::uint16_t> (number - 17 * (e + 1)));
          store_be<std::uint16_t> (b + 10 + 4 * e, 0xffff);
        }
      }
    });
  });
  const std::size_t before = c.peer.seen.get ().rtp;
  const auto frames = gint64 (g_get_monotonic_time ());
  fail_unless (c.wait_rtp (400));
  // What is asked for again comes a few times, not once for each question.
  const double passed = double (g_get_monotonic_time () - frames) / 1e6;
  const double rate = double (c.peer.seen.get ().rtp - before) / std::max (passed, 0.1);
  fail_unless (rate < 3000, "%f packets a second", rate);
  c.on_each (nullptr);
  c.expect_well ();
}
GST_END_TEST

namespace {
// DATA_CHANNEL_OPEN (RFC 8832, 5.1), reliable.
std::vector<std::uint8_t> open_channel (const std::string &label)
{
  std::vector<std::uint8_t> m (12 + label.size ());
  m[0] = 3;
  store_be<std::uint16_t> (&m[8], static_cast<std::uint16_t> (label.size ()));
  std::ranges::copy (label, m.begin () + 12);
  return m;
}
constexpr std::uint32_t dcep = 50, binary = 53;

// Its pads are never read.
class BlockedPads {
public:
  explicit BlockedPads (Caller &c)
  {
    g_signal_connect (c.peer, "pad-added",
        G_CALLBACK (+[] (GstElement *, GstPad *pad, gpointer self) {
          if (!g_str_has_prefix (GST_PAD_NAME (pad), "data_src"))
            return;
          gst_pad_add_probe (
              pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
              [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr,
              nullptr);
          static_cast<BlockedPads *> (self)->pads.update ([] (unsigned &n) { n++; });
        }),
        this);
  }
  Watched<unsigned> pads;
};
} // namespace

// As many channels as there can be, with the longest names, full of messages that nobody reads.
GST_START_TEST (test_channels_that_nobody_reads)
{
  Caller victim (::victim ());
  BlockedPads blocked (victim);
  victim.play ();
  auto loop = std::make_shared<Loop> ("hostile");
  HostilePeer peer (loop, victim);
  peer.call ();
  fail_unless (peer.seen.wait ([] (const Peer::Seen &s) { return s.data; }));
  const double memory = memory_used ();
  const std::string label (65000, 'x');
  const std::vector<std::uint8_t> message (200 << 10, 7);
  // Streams of both parities: which are ours to open depends on DTLS.
  Watched<bool> sent;
  std::uint16_t stream = 0;
  unsigned round = 0;
  std::function<void ()> more = [&] {
    Sctp *s = peer.transport ? peer.transport->sctp () : nullptr;
    if (!s)
      return sent.set (true);
    for (; round < 16; round++, stream = 0)
      for (; stream < 1000; stream++) {
        const bool open = round == 0;
        const auto m = open ? open_channel (label) : message;
        if (!open && stream >= 130)
          break;
        if (s->send (stream, open ? dcep : binary, {}, m) == Sctp::Sent::full)
          return loop->post (more);
      }
    sent.set (true);
  };
  loop->post (more);
  fail_unless (blocked.pads.wait ([] (unsigned n) { return n >= 60; }));
  fail_unless (sent.wait ([] (bool b) { return b; }, milliseconds (60000)));
  fail_unless (blocked.pads.get () <= 64, "%u", blocked.pads.get ());
  const double used = memory_used () - memory;
  fail_unless (used < 2 * most_more_memory, "%f MiB", used); // our own queue is in it
  const double ms = time_to_end (victim);
  fail_unless (ms < longest_end, "%f ms", ms);
}
GST_END_TEST

static Suite *rtc_hostile_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_hostile");
  TCase *tc = tcase_create ("peer");
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, test_key_frames_are_rationed);
  tcase_add_test (tc, test_estimate_stays_in_bounds);
  tcase_add_test (tc, test_streams_without_number);
  tcase_add_test (tc, test_channels_that_nobody_reads);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_hostile)
