// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receiver_deliveries.h"
#include "command_structure.h"
#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (camreceiver_debug);
#define GST_CAT_DEFAULT camreceiver_debug

namespace reach::cam {

std::shared_ptr<ReceiverDeliveries::Run> ReceiverDeliveries::run_of (std::uint64_t run_id)
{
  auto &run = runs_[run_id];
  if (!run) {
    run = std::make_shared<Run> ();
    if (runs_.size () > limits_.max_runs) {
      const auto oldest = std::ranges::min_element (
          runs_, {}, [] (const auto &p) { return p.second->used ? p.second->used : UINT64_MAX; });
      if (oldest->first != run_id)
        runs_.erase (oldest);
    }
  }
  const auto r = runs_[run_id];
  r->used = ++used_;
  return r;
}

void ReceiverDeliveries::acknowledge (std::uint64_t remote, std::uint64_t id, CommandStatus s)
{
  (s == CommandStatus::handled ? commands_ : refused_)++;
  answer (remote, id, s);
}

void ReceiverDeliveries::answer (std::uint64_t remote, std::uint64_t id, CommandStatus s)
{
  host_.answer (remote, Message::control (Kind::command_ack, MediaType::command, 0,
                            encode (CommandAck{id, s}), Clock::now ()));
}

namespace {
// What both kinds of events have.
GstStructure *event_of (const char *name, const Command &c, const std::string &peer,
    std::uint64_t ours, std::uint64_t theirs)
{
  const Envelope &e = c.envelope;
  return gst_structure_new (name, "session-key", G_TYPE_UINT64, ours, "remote-session-key",
      G_TYPE_UINT64, theirs, "guid", G_TYPE_STRING, e.from.c_str (), "group", G_TYPE_STRING,
      e.group.c_str (), "index", G_TYPE_UINT, static_cast<guint> (e.index), "peer", G_TYPE_STRING,
      peer.c_str (), "id", G_TYPE_UINT64, c.id, nullptr);
}

// What send-data made; null: another command.
const std::vector<std::uint8_t> *data_of (const Command &c)
{
  if (c.name != data_message || c.parameters.size () != 1 || c.parameters[0].name != data_field)
    return nullptr;
  return std::get_if<std::vector<std::uint8_t>> (&c.parameters[0].value);
}
} // namespace

void ReceiverDeliveries::tell (const char *signal, GstStructure *s)
{
  g_signal_emit_by_name (element_, signal, s);
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
}

void ReceiverDeliveries::tell_command (
    const Command &c, const std::string &peer, std::uint64_t ours, std::uint64_t theirs)
{
  if (const auto *bytes = data_of (c)) {
    GstStructure *s = event_of ("cam-data-received", c, peer, ours, theirs);
    GBytes *data = g_bytes_new (bytes->data (), bytes->size ());
    gst_structure_set (s, data_field, G_TYPE_BYTES, data, nullptr);
    g_bytes_unref (data);
    return tell ("data-received", s);
  }
  GstStructure *s = event_of ("cam-command-received", c, peer, ours, theirs);
  gst_structure_set (s, "name", G_TYPE_STRING, c.name.c_str (), nullptr);
  set_parameters (s, "parameters", c);
  const StructurePtr same = structure_of (c);
  gst_structure_set (s, "command", GST_TYPE_STRUCTURE, same.get (), nullptr);
  tell ("command-received", s);
}

void ReceiverDeliveries::on_command (const Remote &r, const std::string &peer, const Incoming &m)
{
  const std::uint64_t remote = r.id, id = command_id (m.body ());
  const auto run = run_of (r.run_id);
  if (id != 0 && id <= run->newest) {
    // Sent again over a new link. What still waits here is acknowledged when it has been handled.
    if (id <= run->handled)
      answer (remote, id, CommandStatus::handled);
    return;
  }
  const bool too_large = m.body ().size () > limits_.max_command;
  auto command = too_large ? std::nullopt : decode_command (m.body ());
  if (!command)
    return acknowledge (
        remote, id, too_large ? CommandStatus::too_large : CommandStatus::malformed);
  if (run->waiting >= limits_.max_waiting)
    return acknowledge (remote, id, CommandStatus::no_room);
  if (!r.server) // whoever is at the other end of the link, whatever it says
    command->envelope = {command->envelope.index, {}, {}, r.guid};
  run->newest = id;
  run->waiting++;
  const bool posted = host_.post_event ([this, c = std::move (*command), run, remote, peer,
                                            ours = r.our_session_key, theirs = r.session_key] {
    tell_command (c, peer, ours, theirs);
    run->handled = c.id;
    run->waiting--;
    acknowledge (remote, c.id, CommandStatus::handled);
  });
  if (posted)
    return;
  run->waiting--;
  acknowledge (remote, id, CommandStatus::no_room);
}

void ReceiverDeliveries::start (Limits l, std::string file_folder, std::uint64_t max_file_size)
{
  limits_ = l;
  commands_ = refused_ = files_received_ = files_failed_ = 0;
  FileReceiver::Limits files;
  files.max_size = max_file_size;
  FileReceiver::Owner &owner = *this;
  files_ = std::make_unique<FileReceiver> (owner, std::move (file_folder), files);
}

void ReceiverDeliveries::on_file (const Remote &r, const std::string &peer, Incoming m)
{
  files_->input (
      {r.id, r.run_id, r.our_session_key, r.session_key, r.guid, peer, r.server}, std::move (m));
}

void ReceiverDeliveries::add_stats (GstStructure *s) const
{
  gst_structure_set (s, "commands", G_TYPE_UINT64, commands_.load (), "commands-refused",
      G_TYPE_UINT64, refused_.load (), "files", G_TYPE_UINT64, files_received_.load (),
      "files-failed", G_TYPE_UINT64, files_failed_.load (), nullptr);
}

void ReceiverDeliveries::on_file_report (FileReceiver::Report r)
{
  if (r.what != FileReceiver::Report::What::receiving)
    (r.what == FileReceiver::Report::What::received ? files_received_ : files_failed_)++;
  host_.post_event ([this, r = std::move (r)] {
    using What = FileReceiver::Report::What;
    const char *signal = r.what == What::receiving  ? "file-receiving"
                         : r.what == What::received ? "file-received"
                                                    : "file-failed";
    GstStructure *s = gst_structure_new ((std::string ("cam-") + signal).c_str (), "session-key",
        G_TYPE_UINT64, r.peer.session_key, "remote-session-key", G_TYPE_UINT64,
        r.peer.remote_session_key, "guid", G_TYPE_STRING, r.peer.guid.c_str (), "peer",
        G_TYPE_STRING, r.peer.address.c_str (), "id", G_TYPE_UINT64, r.id, "name", G_TYPE_STRING,
        r.name.c_str (), "group", G_TYPE_STRING, r.envelope.group.c_str (), "index", G_TYPE_UINT,
        guint{r.envelope.index}, "size", G_TYPE_UINT64, r.size, "bytes", G_TYPE_UINT64, r.bytes,
        nullptr);
    if (r.what == What::received)
      gst_structure_set (s, "path", G_TYPE_STRING, r.path.c_str (), nullptr);
    if (r.what == What::failed)
      gst_structure_set (s, "reason", G_TYPE_STRING, r.reason.c_str (), nullptr);
    tell (signal, s);
  });
}

namespace {
void event_signal (GType receiver, const char *name)
{
  g_signal_new (name, receiver, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

void install_file_signals (GType receiver)
{
  /**
   * GstCamReceiver::file-receiving:
   * @receiver: the camreceiver
   * @event: `cam-file-receiving` with session-key (0 when the sender pushes), remote-session-key,
   *     guid, peer, id, name, group (through which a media server passes it on), index (as the
   *     sender gave it), size, and bytes: what is there already of an earlier try
   *
   * A file begins to come, or goes on. Through a media server, guid is the sender's and peer the
   * server's. Posted as element message too. Comes from the event thread,
   * with no lock held.
   *
   * Since: 0.1
   */
  event_signal (receiver, "file-receiving");
  /**
   * GstCamReceiver::file-received:
   * @receiver: the camreceiver
   * @event: `cam-file-received` with the fields of `cam-file-receiving`, and path
   *
   * A file is complete, has the hash that the sender gave, and is in #GstCamReceiver:file-directory
   * as path. Posted as element message too.
   *
   * Since: 0.1
   */
  event_signal (receiver, "file-received");
  /**
   * GstCamReceiver::file-failed:
   * @receiver: the camreceiver
   * @event: `cam-file-failed` with the fields of `cam-file-receiving`, and reason
   *
   * A file that was begun does not come further. After a lost connection what has come is kept, and
   * the sender goes on there: another #GstCamReceiver::file-receiving follows. Posted as element
   * message too.
   *
   * Since: 0.1
   */
  event_signal (receiver, "file-failed");
}
} // namespace

void install_receiver_delivery_signals (GType receiver)
{
  /**
   * GstCamReceiver::command-received:
   * @receiver: the camreceiver
   * @event: `cam-command-received` with session-key (0 when the sender pushes),
   *     remote-session-key, guid of the sender, group through which it came (media servers), index,
   *     peer, id, name, parameters (a #GstValueArray of structures with name and value), and
   *     command: a #GstStructure like the one that was sent
   *
   * A sender's command, in the order of its send-command calls and once. Field names that this
   * process does not know have a budget, as GLib keeps every one for good: those beyond it are left
   * out of command, and are in parameters. The sender is told when all handlers have returned. The
   * same structure is posted as element message. Comes from the event thread, with no lock held.
   *
   * Since: 0.1
   */
  event_signal (receiver, "command-received");
  /**
   * GstCamReceiver::data-received:
   * @receiver: the camreceiver
   * @event: `cam-data-received` with session-key, remote-session-key, guid, group, index, peer and
   *     id as in #GstCamReceiver::command-received, and data: #GBytes
   *
   * What #GstCamSender::send-data sent, in order with commands. The rest is as with those.
   *
   * Since: 0.1
   */
  event_signal (receiver, "data-received");
  install_file_signals (receiver);
}
} // namespace reach::cam
