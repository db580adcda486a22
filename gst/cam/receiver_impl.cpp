// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receiver_impl.h"
#include "ask_server.h"
#include "common/barrier.h"
#include "framing.h"
#include "tls_properties.h"
#include "troubles.h"
#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (camreceiver_debug);
#define GST_CAT_DEFAULT camreceiver_debug

namespace reach::cam {
namespace {
// Each pad is a thread, and a sender's list may name 256 streams.
constexpr std::size_t max_pads = 256;
constexpr std::ptrdiff_t max_pads_per_sender = 32;
} // namespace

bool ReceiverImpl::ready ()
{
  if (engine ())
    return true;
  ElementSettings s = *settings.lock ();
  if (s.net.protocol == Protocol::udp && s.net.mode == Mode::caller) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
        ("Pull over UDP does not exist: use protocol=tcp or protocol=http with mode=caller, or "
         "mode=listener to be pushed to."),
        (nullptr));
    return false;
  }
  if (!events_)
    events_ = std::make_unique<SerialQueue> ("cam-events");
  if (!use_tls (element_, s.net, !s.identity.token.empty ()))
    return false;
  ReceiverDeliveries::Limits limits;
  limits.max_command = s.max_command_size;
  deliveries_.start (limits, s.file_directory, s.max_file_size);
  ReceiverEngine::Options options;
  options.keep_listening = s.keep_listening;
  options.run_id = run_id_;
  options.dial = *dial.lock ();
  auto e = std::make_shared<ReceiverEngine> (*this, s.net, s.identity, options);
  std::string error;
  if (!e->bind (error)) {
    GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_READ,
        ("Could not listen on %s port %u. Choose another port, or 0 for any.",
            s.net.bind_address.c_str (), s.net.port),
        ("%s", error.c_str ()));
    return false;
  }
  settings.update ([&] (ElementSettings &x) { x.current_port = e->port (); });
  engine_.update ([&] (auto &p) { p = e; });
  group_id_ = gst_util_group_id_next ();
  gone_.update ([] (PadTotals &t) { t = {}; });
  return true;
}

void ReceiverImpl::start ()
{
  if (const auto e = engine ())
    e->start ();
}

void ReceiverImpl::set_playing (bool on)
{
  if (on)
    clock_.start (element_);
  else
    clock_.stop ();
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads)
    p->set_playing (on);
}

void ReceiverImpl::end_streams ()
{
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads)
    p->set_flushing (true);
}

void ReceiverImpl::stop ()
{
  auto e = engine ();
  if (!e)
    return;
  StructurePtr last (stats ());
  last_stats_.update ([&] (StructurePtr &p) { p = std::move (last); });
  engine_.update ([] (auto &p) { p.reset (); });
  e.reset ();        // from here on the loop calls nobody
  events_->drain (); // what it reported is told; pads it brought are there
  deliveries_.stop ();
  events_->drain (); // files that were under way
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads)
    remove_pad (p.get ());
  pads_.update ([] (Pads &p) { p = {}; });
  settings.update ([] (ElementSettings &x) { x.current_port = 0; });
}

bool ReceiverImpl::send_eos ()
{
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads)
    p->send_eos ();
  return !pads.empty ();
}

void ReceiverImpl::identity_changed ()
{
  if (const auto e = engine ())
    e->set_identity (settings.lock ()->identity);
}

ReceiverEngine::Snapshot ReceiverImpl::snapshot ()
{
  const auto e = engine ();
  return e ? e->snapshot () : ReceiverEngine::Snapshot{};
}

std::uint64_t ReceiverImpl::session_key ()
{
  const auto e = engine ();
  return e ? e->session_key () : 0;
}

GstStructure *ReceiverImpl::stats ()
{
  const auto e = engine ();
  if (!e) {
    auto p = last_stats_.lock ();
    if (*p)
      return gst_structure_copy (p->get ());
  }
  PadTotals totals = *gone_.lock ();
  const auto pads = pads_.lock ()->all;
  for (const auto &p : pads) {
    const auto t = p->totals ();
    totals.frames += t.frames;
    totals.bytes += t.bytes;
    totals.frames_lost += t.lost;
    totals.frames_dropped += t.dropped;
  }
  GstStructure *s = receiver_stats (e ? e->snapshot () : ReceiverEngine::Snapshot{}, totals);
  deliveries_.add_stats (s);
  return s;
}

std::unique_ptr<Storage> ReceiverImpl::allocate (std::size_t size)
{
  // Smaller ones are cheap to allocate, and must not hold a whole slab.
  if (size >= Slabs::slab_size / 2 && size <= Slabs::slab_size)
    return SlabStorage::of (slabs_.take (size));
  return MemoryStorage::allocate (size);
}

std::unique_ptr<Storage> ReceiverImpl::keep (const std::uint8_t *begin, std::size_t size)
{
  return SlabStorage::of (slabs_.keep (begin, size));
}

void ReceiverImpl::on_link_event (LinkEvent e)
{
  events_->post ([this, event = std::move (e)] {
    outage_.note (element_, event);
    StructurePtr s (structure_of (event));
    g_signal_emit_by_name (element_, event_name (event.type), s.get ());
    gst_element_post_message (
        element_, gst_message_new_element (GST_OBJECT (element_), s.release ()));
  });
}

std::string ReceiverImpl::unique_stream_id (const Remote &r, const StreamInfo &s)
{
  const auto pads = pads_.lock ();
  const bool taken = std::any_of (pads->all.begin (), pads->all.end (),
      [&] (const auto &p) { return p->stream_id == s.stream_id; });
  if (!taken && !s.stream_id.empty ())
    return s.stream_id;
  // Two senders may name their streams alike.
  return (r.guid.empty () ? std::to_string (r.run_id) : r.guid) + "/" + std::to_string (s.index) +
         "/" + media_type_name (s.type);
}

Output *ReceiverImpl::open_stream (const Remote &r, const StreamInfo &s)
{
  const auto type = static_cast<std::size_t> (s.type);
  if (type >= 3)
    return nullptr;
  const auto pads = pads_.lock ()->all;
  const auto of_sender =
      std::count_if (pads.begin (), pads.end (), [&] (const auto &p) { return p->remote == r.id; });
  if (pads.size () >= max_pads || of_sender >= max_pads_per_sender) {
    GST_WARNING_OBJECT (element_, "a stream more than this receiver takes was left out");
    return nullptr;
  }
  const ElementSettings x = *settings.lock ();
  PadLimits limits;
  limits.keep_listening = x.keep_listening;
  limits.max_time = x.net.queue.max_time;
  if (const auto e = engine ()) {
    limits.max_bytes = 2 * e->window ();
    // Pads may share a link: what all of them have taken and not reported must stay below the
    // link's window, or nothing would come any more.
    limits.report = e->window () / (8 * (pads.size () + 1));
  }
  auto output =
      std::make_shared<PadOutput> (*this, limits, r, s, unique_stream_id (r, s), group_id_);
  const CharPtr name (g_strdup_printf (pad_name_formats[type], pads_.lock ()->numbers[type]));
  pads_.update ([&] (Pads &p) {
    p.numbers[type]++;
    p.all.push_back (output);
  });
  events_->post ([this, output, at_once = r.listed, n = std::string (name.get ())] {
    add_pad (output, n, at_once);
  });
  return output.get ();
}

void ReceiverImpl::on_streams_listed (const Remote &)
{
  events_->post ([this] {
    post_collection ();
    gst_element_no_more_pads (element_);
    start_pads ();
  });
}

void ReceiverImpl::on_command (const Remote &r, Link &l, Incoming m)
{
  deliveries_.on_command (r, l.peer (), m);
}

void ReceiverImpl::answer (std::uint64_t remote, MessageRef m)
{
  if (const auto e = engine ())
    e->answer (remote, std::move (m));
}

void ReceiverImpl::on_file (const Remote &r, Link &l, Incoming m)
{
  deliveries_.on_file (r, l.peer (), std::move (m));
}

void ReceiverImpl::on_file_link_ended (std::uint64_t remote_id)
{
  deliveries_.on_file_link_ended (remote_id);
}

void ReceiverImpl::ask (const GstStructure *request, GstPromise *promise)
{
  const auto e = engine ();
  ask_server (
      request, promise, events_.get (), !e ? SendAsk () : [e] (Command what, AskDone done) {
        e->ask (std::move (what), std::move (done));
      });
}

void ReceiverImpl::on_server_notice (const std::string &peer, Command what)
{
  events_->post ([this, peer, notice = std::move (what)] {
    GstStructure *s = notice_structure (peer, notice);
    g_signal_emit_by_name (element_, "server-notice", s);
    gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
  });
}

void ReceiverImpl::on_fatal (CloseReason why, std::string text, std::string detail)
{
  events_->post ([this, why, text, detail] {
    post_fatal (element_, why, text, detail, GST_RESOURCE_ERROR_OPEN_READ);
  });
}

std::int64_t ReceiverImpl::running_time_of (std::int64_t t)
{
  return clock_.running_time_of (t);
}

void ReceiverImpl::key_wanted (std::uint64_t remote, std::uint16_t stream)
{
  if (const auto e = engine ())
    e->request_key (remote, stream);
}

void ReceiverImpl::consumed (std::uint64_t remote, MediaType type, std::size_t bytes)
{
  if (const auto e = engine ())
    e->consumed (remote, type, bytes);
}

std::shared_ptr<PadOutput> ReceiverImpl::find (PadOutput *p)
{
  const auto pads = pads_.lock ();
  const auto it = std::find_if (
      pads->all.begin (), pads->all.end (), [p] (const auto &q) { return q.get () == p; });
  return it == pads->all.end () ? nullptr : *it;
}

void ReceiverImpl::pad_finished (PadOutput *pad)
{
  events_->post ([this, output = find (pad)] {
    if (output)
      remove_pad (output.get ());
  });
}

void ReceiverImpl::pad_dropped (PadOutput *pad, std::uint64_t frames)
{
  const auto output = find (pad);
  if (!output)
    return;
  events_->post ([this, output, frames] {
    if (!output->pad ())
      return;
    GstMessage *m = gst_message_new_qos (GST_OBJECT (output->pad ()), TRUE, GST_CLOCK_TIME_NONE,
        GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
    const auto t = output->totals ();
    gst_message_set_qos_stats (m, GST_FORMAT_BUFFERS, t.frames, t.dropped);
    gst_element_post_message (element_, m);
    GST_WARNING_OBJECT (
        output->pad (), "downstream is too slow: %" G_GUINT64_FORMAT " frames dropped", frames);
  });
}

void ReceiverImpl::pad_flow_error (PadOutput *pad, GstFlowReturn flow)
{
  GST_ELEMENT_FLOW_ERROR (element_, flow);
  gst_pad_push_event (pad->pad (), gst_event_new_eos ());
}
} // namespace reach::cam
