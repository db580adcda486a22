// SPDX-License-Identifier: LGPL-2.1-or-later
// The streams of a sender: from its lists, and from what comes in band, to the element's outputs.
#include "receiver_engine.h"
#include <algorithm>

namespace reach::cam {

void ReceiverEngine::resume (Remote &r, const std::vector<StreamInfo> &now)
{
  r.resume->cancel ();
  r.dormant = r.overdue = false;
  counters_.resumed++;
  // A new run numbers its streams anew: what a stream is, is its type and index.
  std::map<std::uint16_t, Remote::Stream> streams;
  for (const StreamInfo &info : now)
    for (auto &[id, s] : r.streams) {
      const bool ended =
          s.eos && !options_.keep_listening; // its pad has had EOS: a new one follows
      if (s.info.type != info.type || s.info.index != info.index || !s.output || ended)
        continue;
      s.output->resumed (r.clock, r.session_key, info.id);
      Remote::Stream &again = streams[info.id] = s;
      again.eos = false;
      s.output = nullptr;
    }
  for (auto &[id, s] : r.streams)
    close_output (s);
  r.streams = std::move (streams);
}

// Links are not ordered among each other, so their lists may be older than what another one
// brought: a stream is gone when the link of its own type had listed it and does no more.
void ReceiverEngine::update_streams (Remote &r, const StreamList &list, MediaType from)
{
  for (const StreamInfo &info : list.streams) {
    Remote::Stream &s = r.streams[info.id];
    const auto early = std::pair (std::move (s.info.tags), std::move (s.info.global_tags));
    s.info = info;
    if (info.tags.empty ())
      s.info.tags = early.first; // came in band, ahead of the caps
    if (info.global_tags.empty ())
      s.info.global_tags = early.second;
    s.confirmed = s.confirmed || from == info.type;
    if (!(settings_.media_types & type_bit (info.type)))
      continue;
    // Caps and tags of a stream that is open travel in band, in their place among the frames.
    if (!s.output && !info.caps.empty () && !info.eos)
      open_output (r, s);
  }
  for (auto it = r.streams.begin (); it != r.streams.end ();) {
    const MediaType type = it->second.info.type;
    const bool may_tell = from == type || !r.links[static_cast<std::size_t> (type)];
    const bool listed = !may_tell || !it->second.confirmed ||
                        std::any_of (list.streams.begin (), list.streams.end (),
                            [&] (const StreamInfo &i) { return i.id == it->first; });
    if (!listed)
      close_output (it->second);
    it = listed ? std::next (it) : r.streams.erase (it);
  }
  if (list.list_complete && !std::exchange (r.listed, true))
    element_.on_streams_listed (r);
}

void ReceiverEngine::open_output (Remote &r, Remote::Stream &s)
{
  s.output = element_.open_stream (r, s.info);
  if (!s.output)
    return;
  s.tell (s.info);
}

// Once closed it may be gone at any time.
void ReceiverEngine::close_output (Remote::Stream &s)
{
  if (!s.output)
    return;
  touched_.erase (std::remove (touched_.begin (), touched_.end (), s.output), touched_.end ());
  std::exchange (s.output, nullptr)->close ();
}

void ReceiverEngine::on_stream_message (Remote &r, Remote::Stream &s, Incoming m)
{
  const Bytes body = m.body ();
  switch (m.header ().kind) {
  case Kind::frame:
    if (const auto f = FrameHeader::parse (body);
        f && FrameHeader::size + f->extension <= body.size ()) {
      touch (*s.output);
      r.unread[static_cast<std::size_t> (s.info.type)] += m.bytes ().size ();
      s.output->frame (*f, std::move (m));
    }
    return;
  case Kind::caps:
    s.info.caps.assign (reinterpret_cast<const char *> (body.data ()), body.size ());
    return s.output->caps (s.info.caps);
  case Kind::tags:
    return s.output->tags (body, m.header ().flags & tags_global);
  case Kind::gap:
    if (body.size () >= 16) {
      ByteReader b (body);
      const std::int64_t pts = b.i64 ();
      s.output->gap (pts, b.i64 ());
    }
    return;
  case Kind::eos:
    return stream_ended (r, s);
  default:
    return;
  }
}

void ReceiverEngine::stream_ended (Remote &r, Remote::Stream &s)
{
  s.eos = true;
  s.output->eos ();
  const bool all = std::all_of (
      remotes_.begin (), remotes_.end (), [] (const auto &p) { return p.second->all_eos (); });
  if (all)
    element_.on_all_ended ();
}
} // namespace reach::cam
