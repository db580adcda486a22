// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_receiver.h"
#include "cam/proto/file_name.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t message_overhead = 512; // what a message costs beyond its bytes, roughly
constexpr std::size_t max_tasks = 200000;
constexpr std::uint64_t tell_every = 256u << 10;
constexpr Duration tell_again = milliseconds (300); // a sender gives up who says nothing
constexpr std::size_t remember_completed = 256, remember_runs = 256;
} // namespace

FileReceiver::FileReceiver (Owner &owner, std::string folder)
    : FileReceiver (owner, std::move (folder), Limits{})
{
}

FileReceiver::FileReceiver (Owner &owner, std::string folder, Limits limits)
    : owner_ (owner), folder_ (std::move (folder)), limits_ (limits),
      worker_ (std::make_unique<SerialQueue> ("cam-files", max_tasks))
{
}

FileReceiver::~FileReceiver ()
{
  worker_->drain ();
  worker_.reset ();
  for (const auto &[key, t] : transfers_)
    report (Report::What::failed, *t, {}, "stopped; the part that has come is kept");
}

void FileReceiver::input (Peer peer, Incoming m)
{
  if (waiting_.size () > remember_runs)
    std::erase_if (waiting_, [] (const auto &w) { return *w.second == 0; });
  auto &waiting = waiting_[peer.run_id];
  if (!waiting)
    waiting = std::make_shared<std::atomic<std::size_t>> (0);
  const std::size_t size = m.bytes ().size (), cost = size + message_overhead;
  const bool data = m.header ().kind == Kind::file_data;
  // A camsender never has so much on its way. The gap makes the file fail.
  const std::size_t files = peer.server ? limits_.max_open_per_server : 1;
  bool taken = *waiting + cost <= files * (limits_.max_waiting + message_overhead * 1024);
  if (taken) {
    *waiting += cost;
    const auto shared = std::make_shared<Incoming> (std::move (m));
    taken = worker_->post ([this, w = waiting, peer, shared, cost, size, data] {
      handle (peer, *shared);
      *w -= cost;
      if (data)
        owner_.on_file_consumed (peer.remote, size);
    });
    if (!taken)
      *waiting -= cost;
  }
  if (!taken) {
    refused_++;
    if (data)
      owner_.on_file_consumed (peer.remote, size);
  }
}

void FileReceiver::link_ended (std::uint64_t remote)
{
  worker_->post ([this, remote] {
    std::erase_if (transfers_, [&] (const auto &entry) {
      const Transfer &t = *entry.second;
      if (t.peer.remote != remote || t.sum)
        return false; // a file that has come in full is still put in place
      report (
          Report::What::failed, t, {}, "the connection is lost; the part that has come is kept");
      return true;
    });
  });
}

void FileReceiver::handle (const Peer &peer, const Incoming &m)
{
  const Bytes body = m.body ();
  switch (m.header ().kind) {
  case Kind::file_begin:
    if (const auto b = decode_file_begin (body))
      return on_begin (peer, *b);
    break;
  case Kind::file_data:
    if (const auto d = decode_file_data (body))
      return on_data (peer, *d, body.subspan (FileData::size));
    break;
  case Kind::file_end:
    if (const auto e = decode_file_end (body))
      return on_end (peer, *e);
    break;
  case Kind::file_abandon:
    if (const auto a = decode_file_abandon (body))
      return on_abandon (peer, *a);
    break;
  default:
    break;
  }
  refused_++;
}

void FileReceiver::answer (const Peer &peer, std::uint64_t id, FileStatus s, std::uint64_t bytes)
{
  owner_.on_file_answer (peer.remote, Message::control (Kind::file_ack, MediaType::file, 0,
                                          encode (FileAck{id, s, bytes}), Clock::now ()));
}

void FileReceiver::report (
    Report::What what, const Transfer &t, std::string path, std::string reason)
{
  Report r;
  r.what = what;
  r.peer = t.peer;
  r.envelope = t.begin.envelope;
  if (!r.envelope.from.empty ())
    r.peer.guid = r.envelope.from;
  r.id = t.begin.id;
  r.size = t.begin.size;
  r.bytes = t.file ? t.file->written () : 0;
  r.name = safe_file_name (t.begin.name);
  r.path = std::move (path);
  r.reason = std::move (reason);
  owner_.on_file_report (std::move (r));
}

void FileReceiver::forget (const Transfer &t)
{
  transfers_.erase ({t.peer.run_id, t.begin.id});
}

void FileReceiver::fail (Transfer &t, FileStatus s, const std::string &reason)
{
  const auto keep = transfers_[{t.peer.run_id, t.begin.id}]; // t, until the end of this
  t.file->discard ();
  answer (t.peer, t.begin.id, s, 0);
  report (Report::What::failed, t, {}, reason);
  forget (t);
}

FileReceiver::Origin FileReceiver::origin_of (const Peer &peer, const FileBegin &b)
{
  if (peer.server)
    return {b.envelope.from, {b.origin_run, b.origin_id}};
  return {std::string (), {peer.run_id, b.id}};
}

bool FileReceiver::full (const Peer &peer) const
{
  const auto of_sender = std::ranges::count_if (
      transfers_, [&] (const auto &t) { return t.first.first == peer.run_id; });
  return transfers_.size () >= limits_.max_open ||
         static_cast<std::size_t> (of_sender) >=
             (peer.server ? limits_.max_open_per_server : limits_.max_open_per_sender);
}

void FileReceiver::make_room (TimePoint now)
{
  std::vector<std::shared_ptr<Transfer>> stale;
  for (const auto &[key, t] : transfers_)
    if (!t->sum && now - t->used > limits_.open_time)
      stale.push_back (t);
  for (const auto &t : stale) {
    answer (t->peer, t->begin.id, FileStatus::timed_out, 0);
    report (Report::What::failed, *t, {}, "no data for too long; the part that has come is kept");
    forget (*t);
  }
}

void FileReceiver::on_begin (const Peer &peer, const FileBegin &b)
{
  const Origin origin = origin_of (peer, b);
  if (std::ranges::find (completed_, origin) != completed_.end ())
    return answer (peer, b.id, FileStatus::complete, b.size);
  // Of a link that broke: what was written is taken up again.
  std::erase_if (transfers_, [&] (const auto &e) { return e.second->origin == origin; });
  if (folder_.empty ())
    return answer (peer, b.id, FileStatus::refused, 0);
  if (b.size > limits_.max_size)
    return answer (peer, b.id, FileStatus::too_large, 0);
  if (full (peer))
    make_room (Clock::now ());
  if (full (peer))
    return answer (peer, b.id, FileStatus::busy, 0);
  open (peer, b);
}

void FileReceiver::open (const Peer &peer, const FileBegin &b)
{
  // Without a guid a sender is known by its run only.
  const Origin origin = origin_of (peer, b);
  const std::string &guid = peer.server ? origin.first : peer.guid;
  const std::string sender =
      guid.empty () ? "run " + std::to_string (origin.second.first) : "guid " + guid;
  std::set<std::string> in_use;
  for (const auto &[key, t] : transfers_)
    in_use.insert (t->file->temporary ());
  if (in_use.count (IncomingFile::temporary_name (b, sender)))
    return answer (peer, b.id, FileStatus::busy, 0);
  auto t = std::make_shared<Transfer> ();
  t->peer = peer;
  t->begin = b;
  t->origin = origin;
  t->used = Clock::now ();
  std::string error;
  t->file = IncomingFile::open ({folder_, limits_.max_partials}, b, sender, in_use, error);
  if (!t->file) {
    answer (peer, b.id, FileStatus::disk, 0);
    return report (Report::What::failed, *t, {}, error);
  }
  t->told = t->file->written ();
  t->told_at = t->used;
  transfers_[{peer.run_id, b.id}] = t;
  report (Report::What::receiving, *t, {}, {});
  answer (peer, b.id, FileStatus::going_on, t->told);
}

void FileReceiver::on_data (const Peer &peer, const FileData &d, Bytes payload)
{
  const auto it = transfers_.find ({peer.run_id, d.id});
  if (it == transfers_.end ()) {
    refused_++;
    return;
  }
  const auto keep = it->second;
  Transfer &t = *keep;
  t.peer = peer;
  t.used = Clock::now ();
  if (t.sum || d.position != t.file->written () ||
      payload.size () > t.begin.size - t.file->written ()) {
    refused_++;
    return fail (t, FileStatus::malformed, "data that do not belong there");
  }
  std::string error;
  if (!t.file->write (payload, error))
    return fail (t, FileStatus::disk, error);
  if (t.file->written () - t.told >= tell_every || t.used - t.told_at >= tell_again)
    tell (t, t.used);
}

void FileReceiver::tell (Transfer &t, TimePoint now)
{
  t.told = t.file->written ();
  t.told_at = now;
  answer (t.peer, t.begin.id, FileStatus::going_on, t.told);
}

void FileReceiver::on_end (const Peer &peer, const FileEnd &e)
{
  const auto it = transfers_.find ({peer.run_id, e.id});
  if (it == transfers_.end () || it->second->sum) {
    refused_++;
    return;
  }
  const auto t = it->second;
  t->peer = peer;
  if (t->file->written () != t->begin.size)
    return fail (*t, FileStatus::malformed, "it ended before its end");
  t->sum = e.sum;
  verify (t);
}

// The sender is gone, or has given it up.
void FileReceiver::on_abandon (const Peer &peer, const FileAbandon &a)
{
  const auto it = transfers_.find ({peer.run_id, a.id});
  if (it == transfers_.end () || it->second->sum)
    return; // or it has come in full
  report (Report::What::failed, *it->second, {},
      "the sender does not go on; the part that has come is kept");
  transfers_.erase (it);
}

// What was there before is read again, a part per turn, so that other files go on meanwhile.
void FileReceiver::verify (const std::shared_ptr<Transfer> &t)
{
  const auto it = transfers_.find ({t->peer.run_id, t->begin.id});
  if (it == transfers_.end () || it->second != t)
    return;
  std::string error;
  const bool more = t->file->sum_more (error);
  if (!error.empty ())
    return fail (*t, FileStatus::disk, error);
  if (!more)
    return complete (*t);
  if (const TimePoint now = Clock::now (); now - t->told_at >= tell_again)
    tell (*t, now);
  if (!worker_->post ([this, t] { verify (t); }))
    fail (*t, FileStatus::disk, "too much to do");
}

void FileReceiver::complete (Transfer &t)
{
  if (!t.file->matches (*t.sum))
    return fail (t, FileStatus::bad_hash, "what arrived is not what was sent");
  std::string error;
  const std::string path = t.file->finish (error);
  if (path.empty ())
    return fail (t, FileStatus::disk, error);
  const auto keep = transfers_[{t.peer.run_id, t.begin.id}];
  completed_.push_back (t.origin);
  if (completed_.size () > remember_completed)
    completed_.pop_front ();
  forget (t);
  report (Report::What::received, t, path, {});
  answer (t.peer, t.begin.id, FileStatus::complete, t.begin.size);
}
} // namespace reach::cam
