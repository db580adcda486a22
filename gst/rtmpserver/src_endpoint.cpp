// SPDX-License-Identifier: LGPL-2.1-or-later
#include "src_endpoint.h"

namespace reach::rtmp {

bool SrcImpl::SrcEndpoint::serves (const Name &app)
{
  const std::string &ours = settings_.listen.application;
  return app.name.size () <= max_name && (ours.empty () || ours == app.name);
}

Endpoint::Wants SrcImpl::SrcEndpoint::publishes (const Connection &, const Name &stream)
{
  if (over_ || stream.name.size () > max_name)
    return Wants::no;
  const bool any = settings_.stream_key.empty ();
  if (!any && stream.name != settings_.stream_key)
    return Wants::no;
  if (!current_.ingest)
    return any ? Wants::any : Wants::named;
  if (current_.name != stream.name)
    return Wants::no;
  const bool ghost = Clock::now () - current_.ingest->heard () > ghost_after;
  return settings_.replace || ghost ? Wants::named : Wants::taken;
}

// Its connection ends: a client that is told that its stream has ended would begin again.
void SrcImpl::SrcEndpoint::replace_current ()
{
  const Current old = current_;
  replaced_++;
  Connection *c = server_.find (old.connection);
  if (!c)
    return;
  const Status why{code::publish_bad_name, "another publisher has taken over", true};
  c->stop_stream (old.stream, why, PublishEnd::replaced);
  c->close (why);
}

std::shared_ptr<Ingest> SrcImpl::SrcEndpoint::open_ingest (Connection &c, const PublishRequest &r)
{
  const Wants w = publishes (c, r.name);
  if (w == Wants::no || w == Wants::taken)
    return {};
  if (current_.ingest && current_.connection == c.id ())
    return {}; // its own other stream
  if (current_.ingest)
    replace_current ();
  const std::string id = "rtmp/" + valid_text (c.peer ().app.name) + "/" + valid_text (r.name.name);
  current_.ingest = std::make_shared<SrcIngest> (
      pads_, server_.loop (), server_.settings ().session.limits, id,
      [&server = server_, connection = c.id ()] (bool on) {
        if (Connection *publisher = server.find (connection))
          publisher->hold (on);
      },
      [this] (SrcIngest &i, PublishEnd how) { publisher_ended (i, how); });
  current_.connection = c.id ();
  current_.stream = r.stream;
  current_.name = r.name.name;
  publishers_++;
  return current_.ingest;
}

void SrcImpl::SrcEndpoint::publisher_ended (SrcIngest &ingest, PublishEnd how)
{
  if (current_.ingest.get () != &ingest)
    return;
  const auto n = ingest.counters ();
  past_.messages += n.messages;
  past_.bytes += n.bytes;
  past_.unknown += n.unknown;
  past_.malformed += n.malformed;
  past_.early += n.early;
  past_.held += n.held;
  current_ = {};
  if (how == PublishEnd::replaced || settings_.keep_listening || !pads_.any ())
    return;
  over_ = true;
  pads_.end_all ();
}

void SrcImpl::SrcEndpoint::add_stats (GstStructure *s)
{
  SrcIngest::Counters n;
  std::uint64_t publishers = 0, replaced = 0;
  server_.loop ().call ([&] {
    n = past_;
    publishers = publishers_;
    replaced = replaced_;
    if (current_.ingest) {
      const auto now = current_.ingest->counters ();
      n.messages += now.messages;
      n.bytes += now.bytes;
      n.unknown += now.unknown;
      n.malformed += now.malformed;
      n.early += now.early;
      n.held += now.held;
    }
  });
  gst_structure_set (s, "publishers", G_TYPE_UINT64, guint64{publishers}, "replaced", G_TYPE_UINT64,
      guint64{replaced}, "messages", G_TYPE_UINT64, guint64{n.messages}, "message-bytes",
      G_TYPE_UINT64, guint64{n.bytes}, "unknown", G_TYPE_UINT64, guint64{n.unknown}, "malformed",
      G_TYPE_UINT64, guint64{n.malformed}, "early", G_TYPE_UINT64, guint64{n.early}, "held",
      G_TYPE_UINT64, guint64{n.held}, nullptr);
}
} // namespace reach::rtmp
