// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_data.h"
#include "peer_impl.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr unsigned most_datagrams = 1024; // on their way to the loop
} // namespace

// A sink pad and the channel it has at present: each peer gets its own.
class PeerData::Input final : public ChannelListener, public std::enable_shared_from_this<Input> {
public:
  const std::string label;
  const bool datagrams;
  std::shared_ptr<DataSink> sink;
  GstPad *pad = nullptr;
  Guarded<std::shared_ptr<ChannelPort>> port; // null: no peer yet
  std::atomic<std::size_t> max_datagram{0};   // 0: not connected
  std::atomic<unsigned> under_way{0};

  Input (std::string name, bool d) : label (std::move (name)), datagrams (d) {}

  ChannelPort::Sent send (ChannelMessage m)
  {
    const auto now = *port.lock ();
    return now ? now->send (std::move (m)) : ChannelPort::Sent::full;
  }
  std::size_t buffered ()
  {
    const auto now = *port.lock ();
    return now ? now->buffered () : 0;
  }
  void on_channel_opened (std::uint16_t) override { sink->room (); }
  void on_channel_message (bool, Bytes) override {} // it is one way
  void on_channel_low () override { sink->room (); }
  void on_channel_closed () override
  {
    *port.lock () = nullptr; // until there is another peer
  }
  void on_channel_error (const std::string &what) override
  {
    GST_WARNING_OBJECT (pad, "%s", what.c_str ());
  }
};

// A channel of the peer's and its pad.
class PeerData::Output final : public ChannelListener {
public:
  std::string name;
  std::shared_ptr<DataSource> source;
  std::shared_ptr<ChannelPort> port;
  GstPad *pad = nullptr; // events thread, then whoever takes this out of the list

  void on_channel_opened (std::uint16_t) override {}
  void on_channel_message (bool text, Bytes bytes) override
  {
    if (source->push (text, bytes))
      return;
    GST_WARNING ("%s: downstream is too slow, the channel is closed", name.c_str ());
    port->close ();
  }
  void on_channel_closed () override { source->end (); }
  void on_channel_error (const std::string &what) override
  {
    GST_WARNING ("%s: %s", name.c_str (), what.c_str ());
  }
};

PeerData::~PeerData () = default;

GstPad *PeerData::request_pad (GstPadTemplate *templ, const char *name, bool datagrams)
{
  std::string own = name ? name : "";
  if (own.empty ())
    for (unsigned n = 0; own.empty (); n++) {
      const std::string attempt = "data_" + std::to_string (n);
      if (std::ranges::none_of (
              *inputs_.lock (), [&] (const auto &i) { return i->label == attempt; }))
        own = attempt;
    }
  auto input = std::make_shared<Input> (own, datagrams);
  std::weak_ptr<Input> weak = input;
  DataSinkHooks hooks;
  DataSink::Settings settings;
  if (datagrams) {
    settings.reliable = false;
    hooks.send = [this, weak] (ChannelMessage m) {
      const auto i = weak.lock ();
      if (!i || i->max_datagram == 0 || i->under_way >= most_datagrams)
        return ChannelPort::Sent::full;
      if (m.bytes.size () > i->max_datagram)
        return ChannelPort::Sent::too_big;
      i->under_way++;
      impl_.post ([i, m = std::move (m)] (PeerSession &s) {
        i->under_way--;
        s.connection ().send_datagram (m.bytes);
      });
      return ChannelPort::Sent::yes;
    };
  } else {
    hooks.send = [weak] (ChannelMessage m) {
      const auto i = weak.lock ();
      return i ? i->send (std::move (m)) : ChannelPort::Sent::not_open;
    };
    hooks.buffered = [weak] {
      const auto i = weak.lock ();
      return i ? i->buffered () : 0;
    };
    hooks.ended = [weak] {
      const auto i = weak.lock ();
      if (const auto port = i ? *i->port.lock () : nullptr)
        port->close ();
    };
  }
  hooks.refused = [this] (const std::string &what) {
    GST_ELEMENT_WARNING (element_, STREAM, FORMAT, ("%s", what.c_str ()), (nullptr));
  };
  input->sink = std::make_shared<DataSink> (std::move (hooks), settings);
  input->pad = data_sink_pad_new (templ, own.c_str (), input->sink);
  inputs_.lock ()->push_back (input);
  impl_.post ([this] (PeerSession &s) { open (s); });
  gst_pad_set_active (input->pad,
      GST_STATE (element_) > GST_STATE_READY || GST_STATE_TARGET (element_) > GST_STATE_READY);
  gst_element_add_pad (element_, input->pad);
  return input->pad;
}

bool PeerData::release_pad (GstPad *pad)
{
  std::shared_ptr<Input> input;
  inputs_.update ([&] (auto &all) {
    const auto at = std::ranges::find (all, pad, &Input::pad);
    if (at == all.end ())
      return;
    input = *at;
    all.erase (at);
  });
  if (!input)
    return false;
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element_, pad);
  if (const auto port = *input->port.lock ())
    port->close ();
  return true;
}

void PeerData::open (PeerSession &session)
{
  const auto inputs = *inputs_.lock ();
  for (const auto &i : inputs) {
    session.negotiator ().add_data_channel (); // datagrams need its DTLS, too
    if (i->datagrams || *i->port.lock ())
      continue;
    PortLimits limits;
    limits.early = true;
    auto port = std::make_shared<ChannelPort> (limits);
    port->set_low_threshold (i->sink->low_threshold ());
    *i->port.lock () = port;
    ChannelConfig config;
    config.label = i->label;
    session.connection ().data ().create (std::move (config), {port, i});
    i->sink->room ();
  }
  session.connection ().changed ();
}

void PeerData::on_connected (PeerSession &session)
{
  const std::size_t max = session.connection ().max_datagram ();
  if (!session.connection ().config ().datagrams)
    return;
  const auto inputs = *inputs_.lock ();
  for (const auto &i : inputs)
    if (i->datagrams)
      i->max_datagram = max;
  if (!datagrams_) {
    datagrams_ = make_output ("datagram_src", true);
    impl_.tell ([this, o = datagrams_] { add_pad (o); });
  }
}

void PeerData::on_datagram (Bytes datagram)
{
  if (datagrams_)
    datagrams_->source->push (false, datagram);
}

DataHub::Ends PeerData::incoming (const DataChannels::Channel &channel)
{
  auto o = make_output ("data_src_" + std::to_string (next_++), false);
  o->port = std::make_shared<ChannelPort> ();
  impl_.tell ([this, o] { add_pad (o); });
  return {o->port, o};
}

std::shared_ptr<PeerData::Output> PeerData::make_output (const std::string &name, bool datagrams)
{
  auto o = std::make_shared<Output> ();
  o->name = name;
  DataSource::Settings s;
  s.stream_id = name;
  s.drop_oldest = datagrams;
  s.running_time = [this] () -> GstClockTime {
    const std::int64_t t =
        clock_.running_time_of (nanoseconds (Clock::now ().time_since_epoch ()).count ());
    return t < 0 ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime> (t);
  };
  s.failed = [this] (GstFlowReturn flow) { GST_ELEMENT_FLOW_ERROR (element_, flow); };
  s.ended = [this, weak = std::weak_ptr<Output> (o)] {
    impl_.tell ([this, weak] {
      if (const auto ended = weak.lock ())
        remove_pad (ended);
    });
  };
  o->source = std::make_shared<DataSource> (std::move (s));
  o->source->set_playing (playing_);
  return o;
}

// Events thread.
void PeerData::add_pad (const std::shared_ptr<Output> &o)
{
  GstPadTemplate *templ = gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (element_),
      g_str_has_prefix (o->name.c_str (), "data_src") ? "data_src_%u" : "datagram_src");
  o->pad = data_src_pad_new (templ, o->name.c_str (), o->source);
  gst_object_ref (o->pad);
  outputs_.lock ()->push_back (o);
  o->source->set_playing (playing_);
  gst_pad_set_active (o->pad, TRUE);
  gst_element_add_pad (element_, o->pad);
  data_src_pad_start (o->pad);
}

void PeerData::remove_pad (const std::shared_ptr<Output> &o)
{
  bool ours = false;
  outputs_.update ([&] (auto &all) { ours = std::erase (all, o) > 0; });
  if (!ours)
    return;
  gst_pad_set_active (o->pad, FALSE);
  gst_element_remove_pad (element_, o->pad);
  gst_object_unref (o->pad);
}

void PeerData::remove_src_pads ()
{
  const auto all = *outputs_.lock ();
  for (const auto &o : all)
    remove_pad (o);
}

void PeerData::set_playing (bool playing)
{
  playing_ = playing;
  if (playing)
    clock_.start (element_);
  else
    clock_.stop ();
  const auto all = *outputs_.lock ();
  for (const auto &o : all)
    o->source->set_playing (playing);
}
} // namespace reach::rtc
