// SPDX-License-Identifier: LGPL-2.1-or-later
// Files: who gets one is settled when it begins; the relay of its sender's link does the rest, and
// is told when a receiver's link goes or comes.
#include "media_server.h"
#include <algorithm>

namespace reach::cam {
namespace {
constexpr std::size_t max_files = 256, max_files_per_receiver = 8;
constexpr std::size_t max_files_per_sender = 2; // it sends one after the other
constexpr auto file_type = static_cast<std::size_t> (MediaType::file);
} // namespace

FileStatus Hub::find_receivers (
    Where sender, const FileBegin &b, std::vector<FileJob::Receiver> &all) const
{
  if (const auto max = server_.settings ().max_file_size; max > 0 && b.size > max)
    return FileStatus::too_large;
  const auto its =
      std::ranges::count_if (files_, [&] (const auto &f) { return f.second.sender == sender; });
  if (files_.size () >= max_files || static_cast<std::size_t> (its) >= max_files_per_sender)
    return FileStatus::busy;
  for (const Target &t : router_.targets (b.envelope.from, b.envelope.to, b.envelope.group)) {
    const auto r = receivers_.find (t.guid);
    if (r == receivers_.end () || !r->second.links[file_type] ||
        !(t.media_types & type_bit (MediaType::file)))
      continue;
    const auto under_way = std::ranges::count_if (
        files_, [&] (const auto &f) { return f.second.receivers.contains (t.guid); });
    if (static_cast<std::size_t> (under_way) >= max_files_per_receiver)
      return FileStatus::busy;
    all.push_back ({t.guid, r->second.links[file_type]});
  }
  if (!all.empty ())
    return FileStatus::going_on;
  // After a restart of the server senders may be back before their receivers: they try again.
  const bool fresh = Clock::now () - started_ < server_.settings ().resume_window;
  return fresh ? FileStatus::busy : FileStatus::no_receiver;
}

void Hub::on_file_begin (Where link, FileBegin b)
{
  const auto l = links_.find (link.link);
  if (stopped_ || l == links_.end () || l->second.role != LinkRole::sender ||
      l->second.type != MediaType::file)
    return;
  const SourceEntry &s = *sources_.at (l->second.source);
  b.envelope = address (s, std::move (b.envelope));
  b.envelope.from = s.told.guid; // whatever it says of itself
  b.origin_run = s.told.run_id;
  b.origin_id = b.id;
  FileJob job;
  const FileStatus status = find_receivers (link, b, job.receivers);
  if (status != FileStatus::going_on)
    return server_.relay (link.relay)
        .post ([link, m = Message::control (Kind::file_ack, MediaType::file, 0,
                          encode (FileAck{b.id, status, 0}), Clock::now ())] (
                   Relay &r) { r.answer (link.link, m); });
  job.id = next_file_++;
  job.begin = std::move (b);
  FileEntry &f = files_[job.id];
  f.sender = link;
  for (const auto &r : job.receivers)
    f.receivers.insert (r.guid);
  server_.relay (link.relay).post ([link, job] (Relay &r) { r.carry_file (link.link, job); });
}

void Hub::on_file_over (std::uint64_t id)
{
  files_.erase (id);
}

void Hub::set_file_link (const std::string &guid, std::optional<Where> link)
{
  for (const auto &[id, f] : files_)
    if (f.receivers.contains (guid))
      server_.relay (f.sender.relay).post ([id = id, guid, link] (Relay &r) {
        r.set_file_link (id, guid, link);
      });
}
} // namespace reach::cam
