// SPDX-License-Identifier: LGPL-2.1-or-later
#include "src_impl.h"
#include "pad_thread.h"
#include "src_endpoint.h"

namespace reach::rtmp {

bool SrcImpl::ready ()
{
  if (server ())
    return true;
  const ListenSettings listen = settings.lock ()->listen;
  if (!open_guard (element_, listen.guard, guard_))
    return false;
  auto s = open_server (element_, listen);
  if (!s) {
    guard_.reset ();
    return false;
  }
  server_.update ([&] (auto &p) { p = std::move (s); });
  return true;
}

void SrcImpl::start ()
{
  const SrcSettings s = *settings.lock ();
  events_ = std::make_shared<SerialQueue> ("rtmp-pads");
  pads.begin_run (events_, s.latency,
      s.context.empty () ? nullptr : PadThread::get (s.context, s.context_wait));
  desk.begin_run ();
  const auto e = std::make_shared<SrcEndpoint> (desk, pads, *server (), s, guard_);
  endpoint_.update ([&] (auto &p) { p = e; });
  server ()->add (e);
}

// On the loop, which may be bringing a frame to the same pads.
bool SrcImpl::send_eos ()
{
  const auto s = server ();
  if (!s)
    return pads.send_eos ();
  bool sent = false;
  s->loop ().call ([&] { sent = pads.send_eos (); });
  return sent;
}

void SrcImpl::stop ()
{
  auto e = endpoint_.update ([] (auto &p) { return std::exchange (p, {}); });
  if (!e)
    return;
  server ()->remove (*e); // from here on the loop calls nobody
  desk.end_run ();
  events_->drain (); // pads that were brought are there
  pads.end_run ();
  events_.reset ();
}

void SrcImpl::close ()
{
  auto s = server_.update ([] (auto &p) { return std::exchange (p, {}); });
  s.reset ();
  if (guard_)
    guard_->stop ();
  guard_.reset ();
}

GstStructure *SrcImpl::stats ()
{
  const auto t = pads.totals ();
  GstStructure *s =
      gst_structure_new ("rtmp-server-stats", "buffers", G_TYPE_UINT64, guint64{t.frames}, "bytes",
          G_TYPE_UINT64, guint64{t.bytes}, "dropped", G_TYPE_UINT64, guint64{t.dropped}, nullptr);
  if (const auto running = server ()) {
    const auto n = running->counters ();
    gst_structure_set (s, "accepted", G_TYPE_UINT64, guint64{n.accepted}, "refused", G_TYPE_UINT64,
        guint64{n.refused}, "rejected", G_TYPE_UINT64, guint64{n.rejected}, "challenged",
        G_TYPE_UINT64, guint64{n.challenged}, "denied", G_TYPE_UINT64, guint64{n.denied},
        "bad-peers", G_TYPE_UINT64, guint64{n.bad_peers}, "open", G_TYPE_UINT,
        static_cast<guint> (n.open), nullptr);
  }
  if (const auto e = *endpoint_.lock ())
    e->add_stats (s);
  desk.add_stats (s);
  return s;
}
} // namespace reach::rtmp
