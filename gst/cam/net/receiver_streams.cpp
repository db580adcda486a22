// SPDX-License-Identifier: LGPL-2.1-or-later
// The receiver's engine, continued: what a sender's messages mean for its streams and their pads.
#include "receiver_engine.h"
#include <algorithm>

namespace reach::cam {

void ReceiverEngine::update_streams (Remote &r, const StreamList &list)
{
  for (const StreamInfo &info : list.streams) {
    auto [it, fresh] = r.streams.try_emplace (info.id);
    Remote::Stream &s = it->second;
    const bool new_caps = s.info.caps != info.caps && !info.caps.empty (),
               new_tags = s.info.tags != info.tags;
    s.info = info;
    if (!(settings_.media_types & type_bit (info.type)))
      continue;
    if (!s.output && !info.caps.empty () && !info.eos) {
      open_output (r, s);
      continue;
    }
    // Caps and tags that travel in band keep their place among the frames; these are for who missed
    // them.
    if (s.output && new_caps && fresh)
      s.output->caps (info.caps);
    if (s.output && new_tags && fresh && !info.tags.empty ())
      s.output->tags (info.tags);
  }
  for (auto it = r.streams.begin (); it != r.streams.end ();) {
    const bool listed = std::any_of (list.streams.begin (), list.streams.end (),
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
  s.output->caps (s.info.caps);
  if (!s.info.tags.empty ())
    s.output->tags (s.info.tags);
}

// Once closed it may be gone at any time.
void ReceiverEngine::close_output (Remote::Stream &s)
{
  if (!s.output)
    return;
  touched_.erase (std::remove (touched_.begin (), touched_.end (), s.output), touched_.end ());
  std::exchange (s.output, nullptr)->close ();
}

void ReceiverEngine::touch (Output &o)
{
  if (std::find (touched_.begin (), touched_.end (), &o) != touched_.end ())
    return;
  touched_.push_back (&o);
  if (touched_.size () == 1)
    loop_->defer ([this] {
      for (Output *p : std::exchange (touched_, {}))
        p->flush ();
    });
}

void ReceiverEngine::on_message (Remote &r, Link &link, Incoming m)
{
  const MessageHeader h = m.header ();
  const std::size_t size = m.bytes ().size ();
  if (h.kind == Kind::command)
    return element_.on_command (r, link, std::move (m));
  if (h.kind >= Kind::file_begin && h.kind <= Kind::file_end)
    return element_.on_file (r, link, std::move (m)); // consumed () when they are written
  const auto it = r.streams.find (h.stream);
  if (it == r.streams.end ()) {
    if (h.kind == Kind::frame)
      note_consumed (link, size);
    return;
  }
  Remote::Stream &s = it->second;
  if (h.kind == Kind::caps && !s.output) {
    // A stream that was promised without caps: now it can be opened.
    s.info.caps.assign (reinterpret_cast<const char *> (m.body ().data ()), m.body ().size ());
    if (settings_.media_types & type_bit (s.info.type))
      open_output (r, s);
    return;
  }
  if (!s.output) {
    if (h.kind == Kind::frame)
      note_consumed (link, size);
    return;
  }
  on_stream_message (r, s, std::move (m));
}

void ReceiverEngine::on_stream_message (Remote &r, Remote::Stream &s, Incoming m)
{
  const Bytes body = m.body ();
  switch (m.header ().kind) {
  case Kind::frame:
    if (const auto f = FrameHeader::parse (body);
        f && FrameHeader::size + f->extension <= body.size ()) {
      touch (*s.output);
      s.output->frame (*f, std::move (m));
    }
    return;
  case Kind::caps:
    s.info.caps.assign (reinterpret_cast<const char *> (body.data ()), body.size ());
    return s.output->caps (s.info.caps);
  case Kind::tags:
    return s.output->tags (body);
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
