// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_data.h"
#include <algorithm>

namespace reach::rtc {
namespace {
// Each has a thread, and peers say how many: of one, and of all.
constexpr std::size_t most_outputs = 64, most_in_all = 256;
constexpr std::size_t most_bytes = 16 << 20; // of one peer, that wait for downstream
constexpr unsigned most_datagrams = 1024;    // on their way to the loop
} // namespace

// A sink pad, and the channels it has at present: each peer gets its own.
class PeerData::Input final : public std::enable_shared_from_this<Input> {
public:
  const std::string label;
  const bool datagrams, wait;
  std::shared_ptr<DataSink> sink;
  GstPad *pad = nullptr;
  Guarded<std::vector<std::shared_ptr<Link>>> links;
  std::atomic<std::size_t> max_datagram{0}; // 0: not connected
  std::atomic<unsigned> under_way{0};

  Input (std::string name, bool d, bool w) : label (std::move (name)), datagrams (d), wait (w) {}

  ChannelPort::Sent send (const ChannelMessage &m);
  std::size_t buffered ();
  void close ();
};

class PeerData::Link final : public ChannelListener {
public:
  Link (std::shared_ptr<Input> i, const PeerSession *s) : input (std::move (i)), session (s) {}
  const std::shared_ptr<Input> input;
  const PeerSession *const session;
  std::shared_ptr<ChannelPort> port;

  void on_channel_opened (std::uint16_t) override { input->sink->room (); }
  void on_channel_message (bool, Bytes) override {} // it is one way
  void on_channel_low () override { input->sink->room (); }
  void on_channel_closed () override
  {
    std::shared_ptr<Link> last; // goes without the lock
    auto links = input->links.lock ();
    const auto at = std::ranges::find (*links, this, &std::shared_ptr<Link>::get);
    if (at == links->end ())
      return;
    last = std::move (*at);
    links->erase (at);
  }
  void on_channel_error (const std::string &what) override
  {
    GST_WARNING ("%s: %s", input->label.c_str (), what.c_str ());
  }
};

// To all of them; those that have no room are left out, unless that is all.
ChannelPort::Sent PeerData::Input::send (const ChannelMessage &m)
{
  const auto all = *links.lock ();
  if (all.empty ())
    return wait ? ChannelPort::Sent::full : ChannelPort::Sent::yes;
  ChannelPort::Sent best = ChannelPort::Sent::too_big;
  for (const auto &link : all) {
    const auto sent = link->port->send (m);
    if (sent == ChannelPort::Sent::yes || best == ChannelPort::Sent::too_big)
      best = sent;
  }
  // One that closes is followed by its end, and perhaps by another.
  return best == ChannelPort::Sent::not_open ? ChannelPort::Sent::full : best;
}

std::size_t PeerData::Input::buffered ()
{
  const auto all = *links.lock ();
  std::size_t least = all.empty () ? 0 : SIZE_MAX;
  for (const auto &link : all)
    least = std::min (least, link->port->buffered ());
  return least;
}

void PeerData::Input::close ()
{
  const auto all = *links.lock ();
  for (const auto &link : all)
    link->port->close ();
}

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
  auto input = std::make_shared<Input> (own, datagrams, wait_);
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
      // It counts until the task is gone: with no session, or several, it is not run just once.
      i->under_way++;
      const std::shared_ptr<void> counted (nullptr, [i] (void *) { i->under_way--; });
      each_ ([counted, m = std::move (m)] (
                 PeerSession &s) { s.connection ().send_datagram (m.bytes); });
      return ChannelPort::Sent::yes;
    };
  } else {
    hooks.send = [weak] (ChannelMessage m) {
      const auto i = weak.lock ();
      return i ? i->send (m) : ChannelPort::Sent::not_open;
    };
    hooks.buffered = [weak] {
      const auto i = weak.lock ();
      return i ? i->buffered () : 0;
    };
    hooks.ended = [weak] {
      if (const auto i = weak.lock ())
        i->close ();
    };
  }
  hooks.refused = [this] (const std::string &what) { host_.tell_warning (what + "."); };
  input->sink = std::make_shared<DataSink> (std::move (hooks), settings);
  input->pad = data_sink_pad_new (templ, own.c_str (), input->sink);
  inputs_.lock ()->push_back (input);
  each_ ([this] (PeerSession &s) { open (s); });
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
  input->close ();
  return true;
}

void PeerData::open (PeerSession &session)
{
  const auto inputs = *inputs_.lock ();
  for (const auto &i : inputs) {
    session.negotiator ().add_data_channel (); // datagrams need its DTLS, too
    const auto links = *i->links.lock ();
    if (i->datagrams || std::ranges::find (links, &session,
                            [] (const auto &l) { return l->session; }) != links.end ())
      continue;
    PortLimits limits;
    limits.early = true;
    auto link = std::make_shared<Link> (i, &session);
    link->port = std::make_shared<ChannelPort> (limits);
    link->port->set_low_threshold (i->sink->low_threshold ());
    i->links.lock ()->push_back (link);
    ChannelConfig config;
    config.label = i->label;
    session.connection ().data ().create (std::move (config), {link->port, link});
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
    datagrams_ = make_output ("datagram_src", true, nullptr);
    host_.tell ([this, o = datagrams_] { add_pad (o); });
  }
}

void PeerData::on_datagram (Bytes datagram)
{
  if (datagrams_)
    datagrams_->source->push (false, datagram);
}

// A session that is no more, and whose pads have gone, is forgotten.
PeerData::Share &PeerData::share_of (const PeerSession &session)
{
  for (auto &[other, s] : shares_)
    std::erase_if (s.outputs, [] (const auto &o) { return o.expired (); });
  std::erase_if (
      shares_, [&] (const auto &s) { return s.second.outputs.empty () && s.first != &session; });
  Share &share = shares_[&session];
  if (!share.budget)
    share.budget = std::make_shared<ByteBudget> (most_bytes);
  return share;
}

DataHub::Ends PeerData::incoming (const PeerSession &session, const DataChannels::Channel &)
{
  Share &share = share_of (session);
  std::size_t all = 0;
  for (const auto &[other, s] : shares_)
    all += s.outputs.size ();
  if (share.outputs.size () >= most_outputs || all >= most_in_all) {
    if (!std::exchange (share.too_many_told, true))
      host_.tell_warning ("Peers open too many data channels, 64 of one or 256 of all; no pads are "
                          "made for the others.");
    return {};
  }
  auto o = make_output ("data_src_" + std::to_string (next_++), false, share.budget);
  o->port = std::make_shared<ChannelPort> ();
  share.outputs.push_back (o);
  host_.tell ([this, o] { add_pad (o); });
  return {o->port, o};
}

std::shared_ptr<PeerData::Output> PeerData::make_output (
    const std::string &name, bool datagrams, std::shared_ptr<ByteBudget> budget)
{
  auto o = std::make_shared<Output> ();
  o->name = name;
  DataSource::Settings s;
  s.stream_id = name;
  s.drop_oldest = datagrams;
  s.budget = std::move (budget);
  s.running_time = [this] () -> GstClockTime {
    const std::int64_t t =
        clock_.running_time_of (nanoseconds (Clock::now ().time_since_epoch ()).count ());
    return t < 0 ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime> (t);
  };
  s.failed = [this] (GstFlowReturn flow) { GST_ELEMENT_FLOW_ERROR (element_, flow); };
  s.ended = [this, weak = std::weak_ptr<Output> (o)] {
    host_.tell ([this, weak] {
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
