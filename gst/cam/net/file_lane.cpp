// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_lane.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t pieces_at_a_time = 4;

const char *failure_of (FileStatus s)
{
  switch (s) {
  case FileStatus::refused:
    return "the receiver takes no files";
  case FileStatus::too_large:
    return "the file is larger than the receiver takes";
  case FileStatus::disk:
    return "the receiver could not write it";
  case FileStatus::bad_hash:
    return "what arrived is not what was sent";
  case FileStatus::busy:
    return "the receiver has too many files to receive";
  case FileStatus::timed_out:
    return "the receiver waited too long";
  case FileStatus::no_receiver:
    return "the media server has no receiver for the file";
  default:
    return "the receiver could not make sense of it";
  }
}
} // namespace

FileLane::FileLane (Loop &loop, SerialQueue &worker, MediaQueue &out, DeliveryEvents &events,
    std::function<void ()> pump, Limits limits, std::uint64_t &timed_out)
    : loop_ (loop), worker_ (worker), out_ (out), events_ (events), pump_ (std::move (pump)),
      limits_ (limits), retry_ (loop.timers (),
                            [this] {
                              begin ();
                              pump_ ();
                            }),
      silence_ (loop.timers (), [this] { on_silence (); }), timed_out_ (timed_out)
{
}

void FileLane::report (FileReport::What what, const Job &j, const std::string &reason)
{
  FileReport r;
  r.what = what;
  r.receiver = receiver_;
  r.id = j.id;
  r.bytes = what == FileReport::What::sent ? j.source ().size : acknowledged_;
  r.total = j.source ().size;
  r.path = j.source ().path;
  r.reason = reason;
  reported_ = Clock::now ();
  events_.on_file_report (std::move (r));
}

void FileLane::put (Kind k, std::vector<std::uint8_t> body)
{
  out_.push (
      Message::control (k, MediaType::file, 0, std::move (body), Clock::now ()), Clock::now ());
}

void FileLane::push (Delivery d)
{
  Job j;
  j.id = d.id;
  j.from = d.offset;
  j.envelope = std::move (d.envelope);
  j.reader = std::make_shared<FileReader> (std::move (d.file));
  if (jobs_.size () >= limits_.max_files)
    return report (FileReport::What::failed, j, "too many files wait for this receiver");
  jobs_.push_back (std::move (j));
  if (linked_ && state_ == State::idle && !retry_.armed ())
    begin ();
}

void FileLane::linked (ReceiverName r)
{
  receiver_ = std::move (r);
  linked_ = true;
  begin ();
}

void FileLane::unlinked ()
{
  linked_ = false;
  retry_.cancel ();
  silence_.cancel ();
  if (state_ != State::idle && state_ != State::asked)
    jobs_.front ().from = acknowledged_;
  state_ = State::idle;
  epoch_++;
}

// From now on the receiver has its time to say something of the file.
void FileLane::expect ()
{
  if (limits_.patience != Duration::max ())
    silence_.arm (Clock::now () + limits_.patience);
}

void FileLane::on_silence ()
{
  if (state_ == State::idle || !linked_)
    return;
  if (state_ == State::sending && reading_)
    return expect (); // it is our disk that keeps the file waiting
  timed_out_++;
  over (FileReport::What::failed, "the receiver has not acknowledged it in time");
  pump_ ();
}

void FileLane::begin ()
{
  epoch_++;
  silence_.cancel ();
  out_.clear (); // of a link or a file that is over
  state_ = State::idle;
  if (jobs_.empty () || !linked_)
    return;
  const Job &j = jobs_.front ();
  if (const char *why = not_for (receiver_, j.envelope))
    return over (FileReport::What::failed, why);
  state_ = State::asked;
  const FileSource &f = j.source ();
  const Envelope e = receiver_.server ? j.envelope : Envelope{.index = j.envelope.index};
  put (Kind::file_begin,
      encode (FileBegin{j.id, f.size, std::min (j.from, f.size), f.mtime, f.name, e}));
  expect ();
}

void FileLane::acknowledged (Kind kind, Bytes body)
{
  const auto ack = kind == Kind::file_ack ? decode_file_ack (body) : std::nullopt;
  if (!ack || jobs_.empty () || ack->id != jobs_.front ().id || state_ == State::idle)
    return;
  switch (ack->status) {
  case FileStatus::going_on:
    return on_going_on (ack->bytes);
  case FileStatus::complete:
    // Also the answer to a new begin, when the link broke before the first answer came through.
    if (jobs_.front ().end_sent)
      return over (FileReport::What::sent);
    return over (FileReport::What::failed, "the receiver has not had all of it");
  default:
    return on_refused (ack->status);
  }
}

void FileLane::on_going_on (std::uint64_t bytes)
{
  Job &j = jobs_.front ();
  const TimePoint now = Clock::now ();
  expect ();
  if (state_ == State::asked) {
    if (bytes > j.source ().size)
      return over (FileReport::What::failed, failure_of (FileStatus::malformed));
    position_ = acknowledged_ = bytes;
    state_ = State::sending;
    if (!std::exchange (j.started, true))
      report (FileReport::What::started, j);
  } else if (bytes > acknowledged_ && bytes <= position_) {
    acknowledged_ = bytes;
    if (now - reported_ >= limits_.progress)
      report (FileReport::What::progress, j);
  }
  read ();
}

void FileLane::on_refused (FileStatus s)
{
  Job &j = jobs_.front ();
  if (s == FileStatus::busy && j.busy++ < limits_.max_busy) {
    j.from = state_ == State::asked ? j.from : acknowledged_;
    state_ = State::idle;
    silence_.cancel ();
    retry_.arm (Clock::now () + limits_.busy_retry);
    return;
  }
  // Perhaps what the receiver had before was of another file of that name.
  if (s == FileStatus::bad_hash && !std::exchange (j.restarted, true)) {
    j.from = 0;
    return begin ();
  }
  over (FileReport::What::failed, failure_of (s));
}

void FileLane::read ()
{
  const std::uint64_t ahead = position_ - acknowledged_;
  if (state_ != State::sending || reading_ || ahead >= file_window)
    return;
  reading_ = true;
  const auto pieces =
      std::clamp<std::size_t> ((file_window - ahead) / file_piece, 1, pieces_at_a_time);
  const bool posted = worker_.post (
      [this, &loop = loop_, alive = std::weak_ptr<bool> (alive_), reader = jobs_.front ().reader,
          id = jobs_.front ().id, at = position_, pieces, epoch = epoch_] {
        if (alive.expired ())
          return;
        auto result = std::make_shared<FileReader::Result> (reader->read (id, at, pieces));
        loop.post ([this, alive, result, epoch] {
          if (alive.expired ())
            return;
          reading_ = false;
          if (epoch == epoch_)
            on_read (std::move (*result));
          else
            read ();
        });
      });
  if (posted)
    return;
  reading_ = false;
  over (FileReport::What::failed, "too many files are being read");
}

void FileLane::on_read (FileReader::Result r)
{
  if (!r.error.empty ()) {
    over (FileReport::What::failed, r.error);
    return pump_ ();
  }
  for (MessageRef &m : r.data)
    out_.push (std::move (m), Clock::now ());
  position_ = r.position;
  if (r.sum) {
    state_ = State::ended;
    jobs_.front ().end_sent = true;
    put (Kind::file_end, encode (FileEnd{jobs_.front ().id, *r.sum}));
  }
  pump_ ();
  read ();
}

void FileLane::over (FileReport::What what, const std::string &reason)
{
  const Job j = std::move (jobs_.front ());
  jobs_.pop_front ();
  report (what, j, reason);
  position_ = acknowledged_ = 0;
  begin ();
}

void FileLane::give_up (const std::string &why)
{
  retry_.cancel ();
  silence_.cancel ();
  epoch_++;
  out_.clear ();
  state_ = State::idle;
  for (const Job &j : std::exchange (jobs_, {}))
    report (FileReport::What::failed, j, why);
}
} // namespace reach::cam
