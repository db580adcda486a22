// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads of data: buffers as messages, a sink that waits for its channel, a source with a thread of
// its own, flushes and ends.
#include "../rtc/hub_pair.h"
#include "rtc/webrtc/data_pads.h"
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
using Sent = ChannelPort::Sent;

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

Ref<GstPadTemplate> pad_template (GstStaticPadTemplate &t)
{
  return Ref<GstPadTemplate>::adopt (gst_static_pad_template_get (&t));
}
GstBuffer *buffer_of (std::string_view text)
{
  return text.empty () ? gst_buffer_new () : gst_buffer_new_memdup (text.data (), text.size ());
}
std::string text_of (GstBuffer *b)
{
  const Mapped m (b);
  return {m.bytes ().begin (), m.bytes ().end ()};
}

// A sink pad that a test pushes into.
struct Sink {
  std::shared_ptr<DataSink> sink;
  Ref<GstPad> pad, upstream;

  explicit Sink (DataSinkHooks hooks, DataSink::Settings settings = {})
      : sink (std::make_shared<DataSink> (std::move (hooks), settings))
  {
    const auto t = pad_template (sink_template);
    pad = Ref<GstPad>::adopt (
        GST_PAD (gst_object_ref_sink (data_sink_pad_new (t.get (), "data_0", sink))));
    upstream =
        Ref<GstPad>::adopt (GST_PAD (gst_object_ref_sink (gst_pad_new ("upstream", GST_PAD_SRC))));
    gst_pad_set_active (pad.get (), TRUE);
    gst_pad_set_active (upstream.get (), TRUE);
    fail_unless_equals_int (gst_pad_link (upstream.get (), pad.get ()), GST_PAD_LINK_OK);
    gst_pad_push_event (upstream.get (), gst_event_new_stream_start ("test"));
    caps ("application/octet-stream");
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (upstream.get (), gst_event_new_segment (&segment));
  }
  ~Sink ()
  {
    gst_pad_set_active (pad.get (), FALSE);
    gst_pad_set_active (upstream.get (), FALSE);
  }
  void caps (const char *text)
  {
    const auto c = Ref<GstCaps>::adopt (gst_caps_from_string (text));
    fail_unless (gst_pad_push_event (upstream.get (), gst_event_new_caps (c.get ())));
  }
  GstFlowReturn push (std::string_view text)
  {
    return gst_pad_push (upstream.get (), buffer_of (text));
  }
};

// A source pad, and what comes out of it.
struct Source {
  struct Seen {
    std::vector<std::pair<std::string, std::string>> messages; // caps' name, bytes
    std::vector<GstClockTime> times;
    std::vector<GstEventType> events;
    std::thread::id thread;
  };
  std::shared_ptr<DataSource> source;
  Ref<GstPad> pad, downstream;
  Watched<Seen> seen;
  Watched<bool> held{false};
  std::atomic<GstFlowReturn> flow{GST_FLOW_OK};

  explicit Source (DataSource::Settings settings, bool link = true)
      : source (std::make_shared<DataSource> (std::move (settings)))
  {
    const auto t = pad_template (src_template);
    pad = Ref<GstPad>::adopt (
        GST_PAD (gst_object_ref_sink (data_src_pad_new (t.get (), "data_src_0", source))));
    const auto any = pad_template (sink_template); // so that caps may change
    downstream = Ref<GstPad>::adopt (
        GST_PAD (gst_object_ref_sink (gst_pad_new_from_template (any.get (), "downstream"))));
    gst_pad_set_element_private (downstream.get (), this);
    gst_pad_set_chain_function (downstream.get (), chain);
    gst_pad_set_event_function (downstream.get (), event);
    gst_pad_set_active (downstream.get (), TRUE);
    if (link)
      fail_unless_equals_int (gst_pad_link (pad.get (), downstream.get ()), GST_PAD_LINK_OK);
    gst_pad_set_active (pad.get (), TRUE);
    data_src_pad_start (pad.get ());
  }
  ~Source ()
  {
    gst_pad_set_active (pad.get (), FALSE);
    gst_pad_set_active (downstream.get (), FALSE);
  }
  bool wait (std::size_t n)
  {
    return seen.wait ([n] (const Seen &s) { return s.messages.size () >= n; });
  }

private:
  static GstFlowReturn chain (GstPad *p, GstObject *, GstBuffer *b)
  {
    auto *self = static_cast<Source *> (gst_pad_get_element_private (p));
    self->held.wait ([] (bool h) { return !h; });
    const auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (p));
    self->seen.update ([&] (Seen &s) {
      s.messages.emplace_back (
          gst_structure_get_name (gst_caps_get_structure (caps.get (), 0)), text_of (b));
      s.times.push_back (GST_BUFFER_PTS (b));
      s.thread = std::this_thread::get_id ();
    });
    gst_buffer_unref (b);
    return self->flow;
  }
  static gboolean event (GstPad *p, GstObject *, GstEvent *e)
  {
    auto *self = static_cast<Source *> (gst_pad_get_element_private (p));
    self->seen.update ([e] (Seen &s) { s.events.push_back (GST_EVENT_TYPE (e)); });
    gst_event_unref (e);
    return TRUE;
  }
};

DataSinkHooks hooks_of (const TestChannel &c)
{
  DataSinkHooks hooks;
  hooks.send = [port = c.port] (ChannelMessage m) { return port->send (std::move (m)); };
  hooks.buffered = [port = c.port] { return port->buffered (); };
  hooks.ended = [port = c.port] { port->close (); };
  return hooks;
}

// What the peer connection does: tells the pad what the channel tells.
class PadChannel final : public ChannelListener {
public:
  std::shared_ptr<DataSink> sink;
  void on_channel_opened (std::uint16_t) override { sink->room (); }
  void on_channel_message (bool, Bytes) override {}
  void on_channel_low () override { sink->room (); }
  void on_channel_closed () override { sink->closed (); }
  void on_channel_error (const std::string &) override {}
};
} // namespace

// From buffers of one peer to buffers of the other; the EOS closes the channel behind them.
GST_START_TEST (test_through_a_channel)
{
  HubPair p;
  TestChannel c ({.early = true});
  Sink sink (hooks_of (c), {.limit = 100000});
  c.port->set_low_threshold (sink.sink->low_threshold ());
  const auto listener = std::make_shared<PadChannel> ();
  listener->sink = sink.sink;
  Source source ({.stream_id = "test"});
  class Out final : public ChannelListener {
  public:
    std::shared_ptr<DataSource> source;
    void on_channel_opened (std::uint16_t) override {}
    void on_channel_message (bool text, Bytes m) override { source->push (text, m); }
    void on_channel_closed () override { source->end (); }
    void on_channel_error (const std::string &) override {}
  };
  p.b.loop.call ([&] {
    p.b.on_incoming = [&] (const auto &) {
      const auto out = std::make_shared<Out> ();
      out->source = source.source;
      return DataHub::Ends{std::make_shared<ChannelPort> (), out};
    };
  });
  fail_unless_equals_int (sink.push ("before there is a channel"), GST_FLOW_OK);
  p.a.loop.call ([&] { p.a.hub->create ({}, {c.port, listener}); });
  constexpr unsigned n = 300;
  for (unsigned i = 0; i < n; i++) {
    fail_unless_equals_int (sink.push (std::string (20000, 'x')), GST_FLOW_OK);
    fail_unless (c.port->buffered () <= 120000);
  }
  sink.caps ("text/x-raw, format=utf8");
  fail_unless_equals_int (sink.push ("text"), GST_FLOW_OK);
  fail_unless_equals_int (sink.push (""), GST_FLOW_OK);
  sink.caps ("application/x-text");
  fail_unless_equals_int (sink.push ("more"), GST_FLOW_OK);
  gst_pad_push_event (sink.upstream.get (), gst_event_new_eos ());
  fail_unless (source.wait (n + 4));
  fail_unless (source.seen.wait ([] (const auto &s) { return s.events.back () == GST_EVENT_EOS; }));
  const auto got = source.seen.get ().messages;
  fail_unless_equals_string (got[0].second.c_str (), "before there is a channel");
  fail_unless_equals_string (got[1].first.c_str (), "application/octet-stream");
  fail_unless_equals_int (got[n].second.size (), 20000);
  const std::vector<std::pair<std::string, std::string>> texts (got.end () - 3, got.end ());
  fail_unless ((texts == std::vector<std::pair<std::string, std::string>>{
                             {"text/x-raw", "text"}, {"text/x-raw", ""}, {"text/x-raw", "more"}}));
  fail_unless_equals_uint64 (sink.sink->counts ().messages, n + 4);
  fail_unless_equals_uint64 (source.source->counts ().messages, n + 4);
  fail_unless_equals_uint64 (sink.sink->counts ().dropped + source.source->counts ().dropped, 0);
}
GST_END_TEST

// A sink that waits is woken by a flush, by its end, and by the channel's.
GST_START_TEST (test_sink_is_woken)
{
  Watched<unsigned> asked{0};
  DataSinkHooks hooks;
  hooks.buffered = [&] {
    asked.update ([] (unsigned &n) { n++; });
    return std::size_t{2000};
  };
  hooks.send = [] (ChannelMessage) { return Sent::yes; };
  const auto push_waits = [&] (Sink &sink, const std::function<void ()> &wake) {
    const unsigned before = asked.get ();
    GstFlowReturn flow = GST_FLOW_OK;
    std::thread pusher ([&] { flow = sink.push ("waits"); });
    fail_unless (asked.wait ([before] (unsigned n) { return n > before; }));
    wake ();
    pusher.join ();
    return flow;
  };
  {
    Sink sink (hooks, {.limit = 1000});
    fail_unless_equals_int (
        push_waits (
            sink, [&] { gst_pad_push_event (sink.upstream.get (), gst_event_new_flush_start ()); }),
        GST_FLOW_FLUSHING);
    gst_pad_push_event (sink.upstream.get (), gst_event_new_flush_stop (TRUE));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (sink.upstream.get (), gst_event_new_segment (&segment));
    fail_unless_equals_int (push_waits (sink, [&] { sink.sink->closed (); }), GST_FLOW_EOS);
    fail_unless_equals_int (sink.push ("late"), GST_FLOW_EOS);
  }
  Sink sink (hooks, {.limit = 1000});
  fail_unless_equals_int (
      push_waits (sink, [&] { gst_pad_set_active (sink.pad.get (), FALSE); }), GST_FLOW_FLUSHING);
}
GST_END_TEST

// With a limit in time, and for datagrams, what has no room is dropped and counted.
GST_START_TEST (test_sink_drops)
{
  std::string refused;
  Sent answer = Sent::full;
  DataSinkHooks hooks;
  hooks.send = [&] (ChannelMessage) { return answer; };
  hooks.refused = [&] (const std::string &why) { refused = why; };
  {
    Sink datagrams (hooks, {.reliable = false});
    fail_unless_equals_int (datagrams.push ("x"), GST_FLOW_OK);
    answer = Sent::too_big;
    fail_unless_equals_int (datagrams.push ("too big"), GST_FLOW_OK);
    fail_unless (refused.find (" 7 bytes") != std::string::npos, "%s", refused.c_str ());
    answer = Sent::yes;
    fail_unless_equals_int (datagrams.push ("y"), GST_FLOW_OK);
    const auto counts = datagrams.sink->counts ();
    fail_unless (counts.dropped == 2 && counts.messages == 1 && counts.bytes == 1);
  }
  hooks.buffered = [] { return std::size_t{2000}; };
  Sink patient (hooks, {.limit = 1000, .max_wait = milliseconds (1)});
  fail_unless_equals_int (patient.push ("x"), GST_FLOW_OK);
  fail_unless_equals_uint64 (patient.sink->counts ().dropped, 1);
  hooks.buffered = [] { return std::size_t{0}; };
  Sink reliable (hooks);
  answer = Sent::too_big;
  fail_unless_equals_int (reliable.push ("0123456789"), GST_FLOW_ERROR);
  fail_unless (refused.find (" 10 bytes") != std::string::npos, "%s", refused.c_str ());
  answer = Sent::yes;
  fail_unless_equals_int (reliable.push ("\xff"), GST_FLOW_OK);
  reliable.caps ("text/x-raw, format=utf8");
  fail_unless_equals_int (reliable.push ("\xff"), GST_FLOW_ERROR);
  fail_unless (refused.find ("UTF-8") != std::string::npos, "%s", refused.c_str ());
  answer = Sent::not_open;
  fail_unless_equals_int (reliable.push ("x"), GST_FLOW_EOS);
}
GST_END_TEST

GST_START_TEST (test_source)
{
  std::atomic<GstClockTime> now{5 * GST_SECOND};
  const auto caps = Ref<GstCaps>::adopt (gst_caps_from_string ("application/x-mine"));
  DataSource::Settings settings;
  settings.stream_id = "id";
  settings.caps = caps;
  settings.running_time = [&] { return now.load (); };
  Source s (settings);
  const auto push = [&] (bool text, std::string_view m) {
    return s.source->push (text, as_bytes (m));
  };
  fail_unless (push (false, "1"));
  now = GST_CLOCK_TIME_NONE;
  fail_unless (push (true, "2"));
  fail_unless (s.wait (2));
  fail_unless (s.seen.get ().thread != std::this_thread::get_id ());
  fail_unless (s.seen.get ().messages[0].first == "application/x-mine");
  fail_unless (s.seen.get ().messages[1].first == "text/x-raw");
  fail_unless_equals_uint64 (s.seen.get ().times[0], 5 * GST_SECOND);
  fail_unless_equals_uint64 (s.seen.get ().times[1], GST_CLOCK_TIME_NONE);
  const auto events = s.seen.get ().events;
  fail_unless ((events == std::vector{GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT,
                              GST_EVENT_CAPS}));
  GstQuery *query = gst_query_new_latency ();
  fail_unless (gst_pad_query (s.pad.get (), query));
  gboolean live = FALSE;
  gst_query_parse_latency (query, &live, nullptr, nullptr);
  gst_query_unref (query);
  fail_unless (live);
  // Paused: it waits. Deactivated: it goes, and the next run begins anew.
  s.source->set_playing (false);
  fail_unless (push (false, "waits"));
  gst_pad_set_active (s.pad.get (), FALSE);
  fail_unless_equals_int (s.seen.get ().messages.size (), 2);
  gst_pad_set_active (s.pad.get (), TRUE);
  s.source->set_playing (true);
  data_src_pad_start (s.pad.get ());
  fail_unless (push (false, "again"));
  fail_unless (s.wait (3));
  fail_unless_equals_string (s.seen.get ().messages[2].second.c_str (), "again");
}
GST_END_TEST

// Downstream has had enough, as `fakesink num-buffers=1` has: EOS follows, nothing waits any more,
// and the channel's end is told.
GST_START_TEST (test_source_downstream_ends)
{
  auto budget = std::make_shared<ByteBudget> (10);
  Watched<bool> ended;
  DataSource::Settings settings;
  settings.budget = budget;
  settings.ended = [&] { ended.set (true); };
  Source s (settings);
  s.flow = GST_FLOW_EOS;
  fail_unless (s.source->push (false, as_bytes ("1")));
  fail_unless (s.seen.wait (
      [] (const auto &x) { return !x.events.empty () && x.events.back () == GST_EVENT_EOS; }));
  fail_unless (s.source->push (false, as_bytes ("nobody's, and longer than the budget")));
  fail_unless (budget->take (10));
  budget->give (10);
  fail_unless (!ended.get ());
  s.source->end ();
  fail_unless (ended.get ());
}
GST_END_TEST

// Of one peer, whatever the number of its channels.
GST_START_TEST (test_source_budget)
{
  DataSource::Settings settings;
  settings.budget = std::make_shared<ByteBudget> (10);
  Source a (settings);
  {
    Source b (settings);
    a.source->set_playing (false);
    b.source->set_playing (false);
    fail_unless (a.source->push (false, as_bytes ("123456")));
    fail_unless (b.source->push (false, as_bytes ("1234")));
    fail_unless (!a.source->push (false, as_bytes ("1")));
    fail_unless (!b.source->push (false, as_bytes ("1")));
    b.source->set_playing (true);
    fail_unless (b.wait (1));
    fail_unless (b.source->push (false, as_bytes ("1234")));
    b.source->set_playing (false);
  } // what it had goes with it
  fail_unless (a.source->push (false, as_bytes ("1234")));
}
GST_END_TEST

GST_START_TEST (test_source_bounds)
{
  const auto run = [] (bool drop_oldest) {
    DataSource::Settings settings;
    settings.bytes = 100;
    settings.messages = 3;
    settings.drop_oldest = drop_oldest;
    Source s (settings);
    s.source->set_playing (false);
    std::string taken;
    for (const char *m : {"1", "2", "3", "4"})
      taken += s.source->push (false, as_bytes (m)) ? m : "";
    const std::string big (101, 'x');
    fail_if (s.source->push (false, as_bytes (big)));
    s.source->end ();
    s.source->set_playing (true);
    fail_unless (s.seen.wait (
        [] (const auto &x) { return !x.events.empty () && x.events.back () == GST_EVENT_EOS; }));
    std::string out;
    for (const auto &[caps, m] : s.seen.get ().messages)
      out += m;
    return taken + "/" + out;
  };
  fail_unless_equals_string (run (false).c_str (), "123/123");
  // Also for one that never fits: then nothing older is of use to it.
  fail_unless_equals_string (run (true).c_str (), "1234/234");
}
GST_END_TEST

GST_START_TEST (test_source_flow)
{
  Watched<GstFlowReturn> failed{GST_FLOW_OK};
  DataSource::Settings settings;
  settings.failed = [&] (GstFlowReturn f) { failed.set (f); };
  Source unlinked (settings, false);
  fail_unless (unlinked.source->push (false, as_bytes ("nobody")));
  fail_unless (iterate_until ([&] { return unlinked.source->counts ().dropped == 1; }));
  fail_unless_equals_int (
      gst_pad_link (unlinked.pad.get (), unlinked.downstream.get ()), GST_PAD_LINK_OK);
  fail_unless (unlinked.source->push (false, as_bytes ("somebody")));
  fail_unless (unlinked.wait (1));
  unlinked.flow = GST_FLOW_ERROR;
  fail_unless (unlinked.source->push (false, as_bytes ("x")));
  fail_unless (failed.wait ([] (GstFlowReturn f) { return f == GST_FLOW_ERROR; }));
}
GST_END_TEST

static Suite *rtc_webrtc_pads_suite (void)
{
  Suite *s = suite_create ("elements-rtc_webrtc_pads");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_through_a_channel);
  tcase_add_test (t, test_sink_is_woken);
  tcase_add_test (t, test_sink_drops);
  tcase_add_test (t, test_source);
  tcase_add_test (t, test_source_downstream_ends);
  tcase_add_test (t, test_source_budget);
  tcase_add_test (t, test_source_bounds);
  tcase_add_test (t, test_source_flow);
  return s;
}
GST_CHECK_MAIN (rtc_webrtc_pads)
