// SPDX-License-Identifier: LGPL-2.1-or-later
#include "chunk_reader.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
constexpr std::uint32_t extended_mark = 0xffffff;
constexpr std::size_t field_size = 4; // of an extended timestamp

std::uint32_t u24 (const std::uint8_t *p)
{
  return static_cast<std::uint32_t> (p[0] << 16 | p[1] << 8 | p[2]);
}

std::uint32_t le32 (const std::uint8_t *p)
{
  return static_cast<std::uint32_t> (p[0] | p[1] << 8 | p[2] << 16) |
         static_cast<std::uint32_t> (p[3]) << 24;
}

// Whether `in`, at most four bytes, is how `value` begins.
bool begins (std::uint32_t value, Bytes in)
{
  std::array<std::uint8_t, field_size> b;
  store_be (b.data (), value);
  return std::equal (in.begin (), in.end (), b.begin ());
}
} // namespace

void ChunkReader::input (Bytes in)
{
  while (!in.empty () && fault_ == Fault::none)
    in = chunk_left_ > 0 ? take_payload (in) : take_header (in);
}

Bytes ChunkReader::take_header (Bytes in)
{
  if (head_size_ == 0) {
    if (const Header h = parse (in); h.size > 0) {
      begin_chunk (h);
      return in.subspan (h.size);
    }
  }
  head_[head_size_++] = in.front ();
  if (const Header h = parse (Bytes (head_).first (head_size_)); h.size > 0) {
    // What looked like an extended timestamp for some bytes, and was none.
    const auto looked_at = head_;
    const Bytes rest = Bytes (looked_at).subspan (h.size, head_size_ - h.size);
    head_size_ = 0;
    begin_chunk (h);
    input (rest);
  }
  return in.subspan (1);
}

ChunkReader::Header ChunkReader::parse (Bytes in)
{
  static constexpr std::size_t sizes[] = {11, 7, 3, 0};
  Header h;
  h.format = in[0] >> 6;
  h.id = in[0] & 63;
  std::size_t n = 1;
  if (h.id < 2) {
    n += 1 + h.id;
    if (in.size () < n)
      return h;
    h.id = 64u + in[1] + (n == 3 ? in[2] * 256u : 0);
  }
  if (in.size () < n + sizes[h.format])
    return h;
  const std::uint8_t *p = in.data () + n;
  n += sizes[h.format];
  const Stream *s = nullptr;
  if (h.format == 3) {
    s = find (h.id);
    h.extended = s && s->extended && !omits_;
    h.field = s ? s->field : 0;
  } else {
    h.field = u24 (p);
    h.extended = h.field == extended_mark;
  }
  if (h.format < 2) {
    h.length = u24 (p + 3);
    h.type = p[6];
  }
  if (h.format == 0)
    h.message_stream = le32 (p + 7);
  h.size = n;
  if (h.extended && !parse_extended (h, in.subspan (n), s))
    h.size = 0;
  return h;
}

// False: more bytes are needed. A type 3 chunk should repeat the field. Many senders leave it out,
// so within a message it has to be what it was, else it is payload; and who has left it out once
// always does.
bool ChunkReader::parse_extended (Header &h, Bytes in, const Stream *s)
{
  const Bytes field = in.first (std::min (in.size (), field_size));
  const bool within = s && s->under_way;
  if (within && !begins (s->field, field) && !begins (s->header.timestamp, field)) {
    omits_ = true;
    return true;
  }
  if (field.size () < field_size)
    return false;
  if (!within)
    h.field = load_be<std::uint32_t> (field.data ());
  h.size += field_size;
  return true;
}

ChunkReader::Stream *ChunkReader::find (std::uint32_t id)
{
  if (stream_ && stream_->id == id)
    return stream_;
  for (const auto &s : streams_)
    if (s->id == id)
      return s.get ();
  return nullptr;
}

ChunkReader::Stream *ChunkReader::add (std::uint32_t id)
{
  if (streams_.size () >= limits_.chunk_streams) {
    stop (Fault::too_many_chunk_streams);
    return nullptr;
  }
  streams_.push_back (std::make_unique<Stream> ());
  streams_.back ()->id = streams_.back ()->header.chunk_stream = id;
  return streams_.back ().get ();
}

void ChunkReader::begin_chunk (const Header &h)
{
  Stream *s = find (h.id);
  if (!s && !(s = add (h.id)))
    return;
  if (!s->under_way) {
    if (!begin_message (*s, h))
      return;
  } else if (h.format < 2 &&
             (h.length != s->length || static_cast<MessageType> (h.type) != s->header.type)) {
    return stop (Fault::interrupted); // the same header again is taken for a type 3
  }
  if (h.format < 3)
    s->extended = h.extended;
  s->field = h.field;
  stream_ = s;
  chunk_left_ = std::min<std::size_t> (chunk_size_, s->length - s->got);
  if (s->length == 0)
    finish (*s, {});
}

bool ChunkReader::begin_message (Stream &s, const Header &h)
{
  // librtmp begins with a type 1 when the first that it sends is an answer to a ping.
  const bool complete = h.format == 0 || (h.format == 1 && s.id == 2);
  if (!s.known && !complete) {
    stop (Fault::no_header);
    return false;
  }
  s.known = true;
  if (h.format == 0)
    s.header.stream = h.message_stream;
  if (h.format < 2) {
    s.header.type = static_cast<MessageType> (h.type);
    s.length = h.length;
  }
  // A type 3 adds the field of the header before, also when that was a whole timestamp.
  s.header.timestamp = h.format == 0 ? h.field : s.header.timestamp + h.field;
  const std::size_t most = is_media (s.header.type) ? limits_.message : limits_.command;
  if (s.length > std::min (most, most_)) {
    stop (Fault::message_too_big);
    return false;
  }
  s.under_way = true;
  s.got = 0;
  return true;
}

Bytes ChunkReader::take_payload (Bytes in)
{
  Stream &s = *stream_;
  const std::size_t n = std::min (in.size (), chunk_left_);
  const Bytes part = in.first (n);
  if (n == s.length && keep (s, part))
    return in.subspan (n);
  if (!reserve (s, n, in.size ()))
    return {};
  std::memcpy (s.room.data () + s.got, part.data (), n);
  s.got += n;
  chunk_left_ -= n;
  if (s.got == s.length)
    finish (s, {s.room, s.storage});
  return in.subspan (n);
}

// The whole message lies in one piece of the input.
bool ChunkReader::keep (Stream &s, Bytes in)
{
  if (in.size () < min_kept)
    return false;
  auto owner = storage_.keep (in);
  if (!owner)
    return false;
  chunk_left_ = 0;
  finish (s, {in, std::move (owner)});
  return true;
}

// Room for n bytes more. As much as has come counts for what may still come: three quarters of what
// is asked for at most are not there yet, and what has come is copied a third of a time on average.
bool ChunkReader::reserve (Stream &s, std::size_t n, std::size_t in_sight)
{
  if (s.got + n <= s.room.size ())
    return true;
  const std::size_t size = std::min<std::size_t> (s.length, std::max (4 * s.got, s.got + in_sight));
  if (partial_ - s.room.size () + size > std::min (limits_.partial, most_)) {
    stop (Fault::too_much_storage);
    return false;
  }
  auto storage = storage_.allocate (size);
  if (!storage || storage->bytes ().size () != size) {
    stop (Fault::refused_storage);
    return false;
  }
  const auto room = storage->bytes ();
  if (s.got > 0)
    std::memcpy (room.data (), s.room.data (), s.got);
  partial_ += size - s.room.size ();
  s.storage = std::move (storage);
  s.room = room;
  return true;
}

void ChunkReader::release (Stream &s)
{
  partial_ -= s.room.size ();
  s.storage = {};
  s.room = {};
  s.under_way = false;
  s.got = 0;
}

void ChunkReader::finish (Stream &s, Slice payload)
{
  Message m = s.header;
  m.payload = std::move (payload);
  release (s);
  control (m);
  if (fault_ == Fault::none)
    done_.push_back (std::move (m));
}

void ChunkReader::control (const Message &m)
{
  if (m.type != MessageType::set_chunk_size && m.type != MessageType::abort)
    return;
  if (m.payload.size () < 4)
    return stop (Fault::bad_control);
  const auto value = load_be<std::uint32_t> (m.payload.bytes.data ());
  if (m.type == MessageType::set_chunk_size) {
    if (value == 0 || value > 0x7fffffff)
      return stop (Fault::bad_control);
    chunk_size_ = value;
  } else if (Stream *s = find (value); s && s->under_way) {
    release (*s);
  }
}

void ChunkReader::stop (Fault f)
{
  fault_ = f;
  chunk_left_ = 0;
  for (const auto &s : streams_)
    release (*s);
}

std::optional<Message> ChunkReader::poll ()
{
  if (done_.empty ())
    return std::nullopt;
  Message m = std::move (done_.front ());
  done_.pop_front ();
  return m;
}

const char *fault_name (ChunkReader::Fault f)
{
  using Fault = ChunkReader::Fault;
  switch (f) {
  case Fault::none:
    return "none";
  case Fault::too_many_chunk_streams:
    return "too many chunk streams";
  case Fault::message_too_big:
    return "message too big";
  case Fault::too_much_storage:
    return "too many unfinished messages";
  case Fault::refused_storage:
    return "no storage for message";
  case Fault::no_header:
    return "chunk stream without a whole header";
  case Fault::interrupted:
    return "message within an unfinished message";
  case Fault::bad_control:
    return "bad protocol control message";
  }
  return "?";
}
} // namespace reach::rtmp
