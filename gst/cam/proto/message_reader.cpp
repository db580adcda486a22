// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message_reader.h"
#include <algorithm>

namespace reach::cam {
namespace {
bool known (Kind k)
{
  switch (k) {
  case Kind::hello:
  case Kind::welcome:
  case Kind::refuse:
  case Kind::bye:
  case Kind::ping:
  case Kind::pong:
  case Kind::request:
  case Kind::key_unit:
  case Kind::streams:
  case Kind::source:
  case Kind::source_clock:
  case Kind::ask:
  case Kind::answer:
  case Kind::notice:
  case Kind::caps:
  case Kind::tags:
  case Kind::frame:
  case Kind::gap:
  case Kind::eos:
  case Kind::command:
  case Kind::command_ack:
  case Kind::file_begin:
  case Kind::file_data:
  case Kind::file_end:
  case Kind::file_ack:
  case Kind::file_abandon:
    return true;
  }
  return false;
}

bool bulk (Kind k)
{
  return k == Kind::frame || k == Kind::file_data;
}
} // namespace

const char *fault_name (MessageReader::Fault f)
{
  switch (f) {
  case MessageReader::Fault::none:
    return "none";
  case MessageReader::Fault::too_big:
    return "message too big";
  case MessageReader::Fault::unknown_kind:
    return "message of unknown kind";
  case MessageReader::Fault::refused_storage:
    return "no storage for message";
  case MessageReader::Fault::too_short:
    return "message too short";
  }
  return "?";
}

MessageReader::Fault MessageReader::check (const MessageHeader &h) const
{
  if (!known (h.kind))
    return Fault::unknown_kind;
  const std::size_t limit =
      std::min (bulk (h.kind) ? limits_.max_message : limits_.max_control, most_);
  if (limit < MessageHeader::size || h.length > limit - MessageHeader::size)
    return Fault::too_big;
  if (h.kind == Kind::frame && h.length < FrameHeader::size)
    return Fault::too_short;
  return Fault::none;
}

void MessageReader::begin ()
{
  const auto h = MessageHeader::parse (head_);
  if (const Fault f = check (h); f != Fault::none)
    return stop (f);
  const std::size_t total = MessageHeader::size + h.length;
  if (bulk (h.kind))
    storage_ = frames_.allocate (total);
  else
    storage_ = std::make_unique<VectorStorage> (total);
  // The size of the storage is the size of the message for whoever receives it.
  if (!storage_ || storage_->bytes ().size () != total)
    return stop (Fault::refused_storage);
  const auto all = storage_->bytes ();
  std::copy (head_.begin (), head_.end (), all.begin ());
  rest_ = all.subspan (MessageHeader::size);
  head_size_ = 0;
  finish_if_full ();
}

void MessageReader::finish_if_full ()
{
  if (storage_ && rest_.empty ())
    done_.push_back ({std::move (storage_)});
}

void MessageReader::stop (Fault f)
{
  fault_ = f;
  storage_.reset ();
  rest_ = {};
}

// A message that was read to where it can stay; returns how much of it is there. The little that a
// quiet stream brings is copied instead: it would hold much more memory than it has bytes.
std::size_t MessageReader::keep (Bytes in, bool much)
{
  if (in.size () < MessageHeader::size)
    return 0;
  const auto h = MessageHeader::parse (in.first<MessageHeader::size> ());
  const std::size_t total = MessageHeader::size + h.length;
  if (!bulk (h.kind) || (!much && total < min_kept) || check (h) != Fault::none)
    return 0;
  storage_ = frames_.keep (in.data (), total);
  if (!storage_)
    return 0;
  const std::size_t n = std::min (in.size (), total);
  rest_ = storage_->bytes ().subspan (n);
  return n;
}

void MessageReader::input (Bytes in)
{
  const bool much = in.size () >= min_kept;
  while (!in.empty () && fault_ == Fault::none) {
    std::size_t n = storage_ || head_size_ > 0 ? 0 : keep (in, much);
    if (n > 0) {
      finish_if_full ();
    } else if (storage_) {
      n = std::min (in.size (), rest_.size ());
      std::memcpy (rest_.data (), in.data (), n);
      filled (n);
    } else {
      n = std::min (in.size (), head_.size () - head_size_);
      std::memcpy (head_.data () + head_size_, in.data (), n);
      head_size_ += n;
      if (head_size_ == head_.size ())
        begin ();
    }
    in = in.subspan (n);
  }
}

std::optional<Incoming> MessageReader::poll ()
{
  if (next_ == done_.size ())
    return std::nullopt;
  Incoming m = std::move (done_[next_++]);
  if (next_ == done_.size ()) {
    done_.clear ();
    next_ = 0;
  }
  return m;
}

std::span<std::uint8_t> MessageReader::direct ()
{
  if (rest_.size () < min_direct)
    return {};
  return rest_;
}

void MessageReader::filled (std::size_t n)
{
  rest_ = rest_.subspan (std::min (n, rest_.size ()));
  finish_if_full ();
}

CloseReason close_reason (MessageReader::Fault f)
{
  switch (f) {
  case MessageReader::Fault::none:
    return CloseReason::none;
  case MessageReader::Fault::too_big:
    return CloseReason::too_big;
  case MessageReader::Fault::refused_storage:
    return CloseReason::overload;
  default:
    return CloseReason::malformed;
  }
}
} // namespace reach::cam
