// SPDX-License-Identifier: LGPL-2.1-or-later
// A file on its way through a media server, with a sender and receivers that do what they like, and
// time. Whatever they do, each receiver is sent data without a gap from where it asked for them, no
// more is held than is allowed, and the sender hears a final word at most once.
#include "cam/proto/file_exchange.h"
#include <cstdlib>
#include <memory>

using namespace reach;
using namespace reach::cam;

namespace {
constexpr std::size_t n_receivers = 3;
constexpr std::uint64_t ours = 9, theirs = 4;
constexpr std::size_t max_piece = 65535 * 8;

void require (bool holds)
{
  if (!holds)
    std::abort ();
}

struct Fuzz {
  explicit Fuzz (ByteReader &in) : in_ (in)
  {
    FileExchange::Config c;
    c.id = ours;
    c.max_held = in.u32 ();
    c.max_messages = 16;
    size_ = std::uint64_t{in.u16 ()} * 1000;
    const std::uint64_t offset = size_ > 0 ? in.u32 () % size_ : 0;
    x_ = std::make_unique<FileExchange> (
        c, FileBegin{theirs, size_, offset, 0, "a", {}}, n_receivers, now_);
    drain ();
  }

  void step ()
  {
    const std::uint8_t what = in_.u8 ();
    const std::size_t r = what % n_receivers;
    switch ((what / n_receivers) % 8) {
    case 0: { // in its place, or not
      const std::size_t n = in_.u16 () * std::size_t{8};
      return send (n, in_.u8 () > 250 ? in_.u32 () : position_);
    }
    case 1:
      return x_->end ({theirs, {}}, now_);
    case 2:
      linked_[r] = true;
      return x_->linked (r, now_);
    case 3:
      linked_[r] = false;
      return x_->unlinked (r, now_);
    case 4:
      now_ += milliseconds (in_.u16 ());
      return x_->timeout (now_);
    case 5:
      return acknowledge (
          r, {ours, static_cast<FileStatus> (in_.u8 () % 10), std::uint64_t{in_.u32 ()}});
    case 6: // as it should be
      return acknowledge (r, {ours, FileStatus::going_on, sent_[r].value_or (asked_[r])});
    default:
      if (in_.u8 () == 0)
        x_->abandon (now_);
    }
  }

  void drain ()
  {
    while (const auto o = x_->poll_transmit ())
      o->receiver ? to_receiver (*o->receiver, *o->message) : to_sender (*o->message);
    // A piece that is acknowledged in part is held whole.
    require (x_->held () <= file_window + FileExchange::slack + max_piece);
    require (!x_->over () || (x_->held () == 0 && x_->poll_timeout () == TimePoint::max ()));
  }

private:
  void send (std::size_t n, std::uint64_t position)
  {
    if (position == position_)
      position_ += n;
    x_->data ({theirs, position}, {Bytes (zeros_).first (n), {}}, now_);
  }
  void acknowledge (std::size_t r, const FileAck &a)
  {
    if (!linked_[r])
      return;
    if (a.status == FileStatus::going_on && !sent_[r])
      sent_[r] = a.bytes;
    x_->acknowledged (r, a, now_);
  }
  void to_receiver (std::size_t r, const Message &m)
  {
    require (linked_[r]);
    switch (m.header.kind) {
    case Kind::file_begin:
      asked_[r] = decode_file_begin (m.body ()).value ().offset;
      sent_[r].reset ();
      break;
    case Kind::file_data: {
      const auto d = decode_file_data (m.head ().subspan (MessageHeader::size));
      require (d && d->id == ours && sent_[r] == d->position);
      *sent_[r] += m.body ().size ();
      break;
    }
    case Kind::file_end:
      require (sent_[r] == size_);
      break;
    default:
      require (m.header.kind == Kind::file_abandon);
    }
  }
  void to_sender (const Message &m)
  {
    const auto a = decode_file_ack (m.body ()).value ();
    require (a.id == theirs && !final_);
    final_ = a.status != FileStatus::going_on;
    if (final_)
      return;
    if (!told_)
      position_ = a.bytes;
    require (a.bytes >= told_.value_or (0) && a.bytes <= position_);
    told_ = a.bytes;
  }

  ByteReader &in_;
  static inline const std::vector<std::uint8_t> zeros_ = std::vector<std::uint8_t> (max_piece);
  std::uint64_t size_ = 0, position_ = 0;
  TimePoint now_{seconds (100)};
  bool linked_[n_receivers] = {true, true, true}, final_ = false;
  std::uint64_t asked_[n_receivers] = {};
  std::optional<std::uint64_t> sent_[n_receivers], told_;
  std::unique_ptr<FileExchange> x_;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  ByteReader in ({data, size});
  Fuzz f (in);
  while (in.left () > 0) {
    f.step ();
    f.drain ();
  }
  return 0;
}
