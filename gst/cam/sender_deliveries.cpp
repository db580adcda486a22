// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sender_deliveries.h"
#include "command_structure.h"

GST_DEBUG_CATEGORY_EXTERN (camsender_debug);
#define GST_CAT_DEFAULT camsender_debug

namespace reach::cam {
namespace {
const char *reason_of (Deliveries::Taken t)
{
  return t == Deliveries::Taken::no_receiver ? "no receiver is connected"
                                             : "as many wait already as are kept";
}
} // namespace

std::uint64_t SenderDeliveries::send_command (SenderEngine *engine, const GstStructure *command)
{
  if (!engine || !command) {
    GST_WARNING_OBJECT (element_, "command not sent: the element is not running");
    return 0;
  }
  std::string error;
  auto c = command_of (command, error);
  if (!c) {
    GST_WARNING_OBJECT (element_, "command not sent: %s", error.c_str ());
    return 0;
  }
  c->id = next_id_++;
  Delivery d;
  d.id = c->id;
  d.command = Message::control (Kind::command, MediaType::command, 0, *encode (*c), Clock::now ());
  const auto taken = engine->deliver (MediaType::command, std::move (d));
  if (taken == Deliveries::Taken::yes)
    return c->id;
  GST_WARNING_OBJECT (element_, "command not sent: %s", reason_of (taken));
  return 0;
}

GstStructure *SenderDeliveries::event (const char *name, const ReceiverName &r, std::uint64_t id)
{
  return gst_structure_new (name, "id", G_TYPE_UINT64, id, "peer", G_TYPE_STRING, r.peer.c_str (),
      "guid", G_TYPE_STRING, r.guid.c_str (), "remote-session-key", G_TYPE_UINT64, r.session_key,
      nullptr);
}

void SenderDeliveries::tell (const char *signal, GstStructure *s)
{
  g_signal_emit_by_name (element_, signal, s);
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), s));
}

void SenderDeliveries::command_done (
    const ReceiverName &r, std::uint64_t id, const std::string &failure)
{
  if (failure.empty ())
    return tell ("command-sent", event ("cam-command-sent", r, id));
  GstStructure *s = event ("cam-command-failed", r, id);
  gst_structure_set (s, "reason", G_TYPE_STRING, failure.c_str (), nullptr);
  tell ("command-failed", s);
}

void install_delivery_signals (GType sender, SendCommand send_command, SendFile)
{
  const auto event_signal = [sender] (const char *name) {
    g_signal_new (name, sender, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
        GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  };
  constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  /**
   * GstCamSender::send-command:
   * @sender: the camsender
   * @command: (transfer none): name and fields of the command
   *
   * Queues a command for the receiver (`mode=caller`) or for every receiver that is connected
   * (`mode=listener`). Fields may be gboolean, gint, guint, gint64, guint64, gdouble, strings and
   * #GBytes; at most 64 of them, and 65536 bytes altogether. Commands arrive in order and once;
   * while the connection is away they are kept.
   *
   * From any thread; does not wait. #GstCamSender::command-sent or #GstCamSender::command-failed
   * follows, for each receiver.
   *
   * Returns: the command's id, or 0 when it was not taken: a field of another type, too large, 1024
   * commands wait already, no receiver is connected (`mode=listener`), or the element is in NULL.
   * The debug log says which.
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("send-command", sender, action, G_CALLBACK (send_command), nullptr,
      nullptr, nullptr, G_TYPE_UINT64, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * GstCamSender::command-sent:
   * @sender: the camsender
   * @event: `cam-command-sent` with id, peer, guid and remote-session-key of the receiver
   *
   * A receiver's application has been given the command. The same structure is posted as element
   * message. Comes from the event thread, with no lock held.
   *
   * Since: 0.1
   */
  event_signal ("command-sent");
  /**
   * GstCamSender::command-failed:
   * @sender: the camsender
   * @event: `cam-command-failed` with the fields of `cam-command-sent`, and reason
   *
   * This receiver will not get the command, as far as this side knows. Posted as element message
   * too.
   *
   * Since: 0.1
   */
  event_signal ("command-failed");
}
} // namespace reach::cam
