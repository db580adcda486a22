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
  if (s != CommandStatus::handled)
    refused_++;
  host_.answer (remote, Message::control (Kind::command_ack, MediaType::command, 0,
                            encode (CommandAck{id, s}), Clock::now ()));
}

void ReceiverDeliveries::on_command (const Remote &r, const std::string &peer, const Incoming &m)
{
  const std::uint64_t remote = r.id, id = command_id (m.body ());
  const auto run = run_of (r.run_id);
  if (id != 0 && id <= run->newest) {
    // Sent again over a new link. What still waits here is acknowledged when it has been handled.
    if (id <= run->handled)
      acknowledge (remote, id, CommandStatus::handled);
    return;
  }
  const bool too_large = m.body ().size () > limits_.max_command;
  auto command = too_large ? std::nullopt : decode_command (m.body ());
  if (!command)
    return acknowledge (
        remote, id, too_large ? CommandStatus::too_large : CommandStatus::malformed);
  if (run->waiting >= limits_.max_waiting)
    return acknowledge (remote, id, CommandStatus::no_room);
  run->newest = id;
  run->waiting++;
  const bool posted =
      host_.post_event ([this, c = std::move (*command), run, remote, peer, guid = r.guid,
                            ours = r.our_session_key, theirs = r.session_key] {
        GstStructure *s = gst_structure_new ("cam-command-received", "session-key", G_TYPE_UINT64,
            ours, "remote-session-key", G_TYPE_UINT64, theirs, "guid", G_TYPE_STRING, guid.c_str (),
            "index", G_TYPE_UINT, 0u, "peer", G_TYPE_STRING, peer.c_str (), "id", G_TYPE_UINT64,
            c.id, "name", G_TYPE_STRING, c.name.c_str (), nullptr);
        set_parameters (s, "parameters", c);
        const StructurePtr same = structure_of (c);
        gst_structure_set (s, "command", GST_TYPE_STRUCTURE, same.get (), nullptr);
        g_signal_emit_by_name (element_, "command-received", s);
        gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
        run->handled = c.id;
        run->waiting--;
        acknowledge (remote, c.id, CommandStatus::handled);
      });
  if (posted)
    return;
  run->waiting--;
  acknowledge (remote, id, CommandStatus::no_room);
}

void install_receiver_delivery_signals (GType receiver)
{
  const auto event_signal = [receiver] (const char *name) {
    g_signal_new (name, receiver, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  };
  /**
   * GstCamReceiver::command-received:
   * @receiver: the camreceiver
   * @event: `cam-command-received` with session-key (0 when the sender pushes),
   *     remote-session-key, guid, index, peer, id, name, parameters (a #GstValueArray of structures
   *     with name and value), and command: a #GstStructure like the one that was sent
   *
   * A sender's command, in the order of its send-command calls and once. Field names that this
   * process does not know have a budget, as GLib keeps every one for good: those beyond it are left
   * out of command, and are in parameters. The sender is told when all handlers have returned. The
   * same structure is posted as element message. Comes from the event thread, with no lock held.
   *
   * Since: 0.1
   */
  event_signal ("command-received");
}
} // namespace reach::cam
