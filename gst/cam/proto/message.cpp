// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message.h"

namespace reach::cam {

const char *media_type_name (MediaType t)
{
  static constexpr const char *names[n_media_types] = {"video", "audio", "data", "command", "file"};
  return names[static_cast<std::size_t> (t)];
}

MessageHeader MessageHeader::parse (std::span<const std::uint8_t, size> in)
{
  MessageHeader h;
  h.kind = static_cast<Kind> (in[0]);
  h.flags = in[1];
  h.stream = load_be<std::uint16_t> (in.data () + 2);
  h.length = load_be<std::uint32_t> (in.data () + 4);
  return h;
}

void MessageHeader::write (std::uint8_t *out) const
{
  out[0] = static_cast<std::uint8_t> (kind);
  out[1] = flags;
  store_be (out + 2, stream);
  store_be (out + 4, length);
}

std::optional<FrameHeader> FrameHeader::parse (Bytes in)
{
  if (in.size () < size)
    return {};
  ByteReader r (in);
  FrameHeader f;
  f.pts = r.i64 ();
  f.dts = r.i64 ();
  f.duration = r.i64 ();
  f.flags = r.u32 ();
  f.seq = r.u32 ();
  f.extension = r.u16 ();
  if (f.extension > max_extension || f.extension % 16 != 0)
    return {};
  return f;
}

void FrameHeader::write (std::uint8_t *out) const
{
  store_be (out, pts);
  store_be (out + 8, dts);
  store_be (out + 16, duration);
  store_be (out + 24, flags);
  store_be (out + 28, seq);
  store_be (out + 32, extension);
  std::memset (out + 34, 0, 6);
}

MessageRef Message::control (Kind kind, MediaType type, std::uint16_t stream,
    std::vector<std::uint8_t> body, TimePoint now, std::uint8_t flags)
{
  auto *m = new Message;
  m->header = {kind, flags, stream, static_cast<std::uint32_t> (body.size ())};
  m->type = type;
  m->created = now;
  m->header.write (m->head_.data ());
  m->head_bytes_ = {m->head_.data (), MessageHeader::size};
  m->body_ = slice_of (std::move (body));
  return MessageRef::adopt (m);
}

MessageRef Message::frame (MediaType type, std::uint16_t stream, FrameHeader fh, Bytes extension,
    Slice payload, TimePoint now)
{
  auto *m = new Message;
  m->set_frame (type, stream, fh, extension, payload.bytes, now);
  m->body_.owner = std::move (payload.owner);
  return MessageRef::adopt (m);
}

void Message::set_frame (MediaType t, std::uint16_t stream, FrameHeader fh, Bytes extension,
    Bytes payload, TimePoint now)
{
  fh.extension = static_cast<std::uint16_t> (extension.size ());
  const std::size_t fixed = FrameHeader::size + extension.size ();
  header = {Kind::frame, 0, stream, static_cast<std::uint32_t> (fixed + payload.size ())};
  type = t;
  key = !(fh.flags & frame_delta_unit);
  droppable = true;
  frame_flags = fh.flags;
  frame_seq = fh.seq;
  frame_pts = fh.pts;
  reliable = false;
  created = now;
  std::uint8_t *p = head_.data ();
  header.write (p);
  fh.write (p + MessageHeader::size);
  if (!extension.empty ())
    std::memcpy (p + MessageHeader::size + FrameHeader::size, extension.data (), extension.size ());
  head_bytes_ = {head_.data (), MessageHeader::size + fixed};
  body_.bytes = payload;
}

MessageRef Message::file_data (
    std::uint64_t id, std::uint64_t position, Slice payload, TimePoint now)
{
  constexpr std::size_t fixed = 16;
  auto *m = new Message;
  m->header = {Kind::file_data, 0, 0, static_cast<std::uint32_t> (fixed + payload.size ())};
  m->type = MediaType::file;
  m->created = now;
  std::uint8_t *p = m->head_.data ();
  m->header.write (p);
  store_be (p + MessageHeader::size, id);
  store_be (p + MessageHeader::size + 8, position);
  m->head_bytes_ = {p, MessageHeader::size + fixed};
  m->body_ = std::move (payload);
  return MessageRef::adopt (m);
}

MessageRef Message::routed (Kind kind, MediaType type, std::uint16_t stream, std::uint32_t flags,
    Slice body, TimePoint now, std::uint8_t *place)
{
  std::optional<FrameHeader> frame;
  if (kind == Kind::frame && !(frame = FrameHeader::parse (body.bytes)))
    return {};
  auto *m = new Message;
  m->header = {kind, frame ? std::uint8_t{0} : static_cast<std::uint8_t> (flags), stream,
      static_cast<std::uint32_t> (body.size ())};
  m->type = type;
  m->created = now;
  if (frame) {
    frame->flags |= flags;
    m->key = !(frame->flags & frame_delta_unit);
    m->droppable = true;
    m->reliable = false;
    m->frame_flags = frame->flags;
    m->frame_seq = frame->seq;
    m->frame_pts = frame->pts;
  }
  const bool changed = frame && flags != 0;
  std::uint8_t *head = place && !changed ? place : m->head_.data ();
  m->header.write (head);
  m->head_bytes_ = {head, MessageHeader::size};
  if (changed) {
    frame->write (head + MessageHeader::size);
    m->head_bytes_ = {head, MessageHeader::size + FrameHeader::size};
    body = body.sub (FrameHeader::size, body.size () - FrameHeader::size);
  }
  m->body_ = std::move (body);
  return MessageRef::adopt (m);
}
} // namespace reach::cam
