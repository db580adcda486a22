// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sender_deliveries.h"
#include "cam/net/file_source.h"
#include "command_structure.h"

GST_DEBUG_CATEGORY_EXTERN (camsender_debug);
#define GST_CAT_DEFAULT camsender_debug

namespace reach::cam {
namespace {
void event_signal (const char *name, GType sender)
{
  g_signal_new (name, sender, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
}

const char *reason_of (Deliveries::Taken t)
{
  switch (t) {
  case Deliveries::Taken::no_receiver:
    return "no such receiver is connected";
  case Deliveries::Taken::no_server:
    return "only a media server has groups";
  default:
    return "as many wait already as are kept";
  }
}
} // namespace

std::optional<Envelope> SenderDeliveries::envelope_of (
    const char *to, const char *group, unsigned index)
{
  Envelope e{static_cast<std::uint16_t> (index), to ? to : "", group ? group : "", {}};
  if (index <= UINT16_MAX && fits (e))
    return e;
  GST_WARNING_OBJECT (element_, "not sent: an index above 65535, or a receiver's or group's name "
                                "with more than 64 bytes or that is not UTF-8");
  return std::nullopt;
}

std::uint64_t SenderDeliveries::send_command (SenderEngine *engine, const GstStructure *command,
    const char *to, const char *group, unsigned index)
{
  if (!engine || !command) {
    GST_WARNING_OBJECT (element_, "command not sent: the element is not running");
    return 0;
  }
  const auto envelope = envelope_of (to, group, index);
  if (!envelope)
    return 0;
  std::string error;
  auto c = command_of (command, *envelope, error);
  if (!c) {
    GST_WARNING_OBJECT (element_, "command not sent: %s", error.c_str ());
    return 0;
  }
  c->id = next_id_++;
  Delivery d;
  d.id = c->id;
  d.envelope = *envelope;
  d.command = Message::control (Kind::command, MediaType::command, 0, *encode (*c), Clock::now ());
  const auto taken = engine->deliver (MediaType::command, std::move (d));
  if (taken == Deliveries::Taken::yes)
    return c->id;
  GST_WARNING_OBJECT (element_, "command not sent: %s", reason_of (taken));
  return 0;
}

std::uint64_t SenderDeliveries::send_file (SenderEngine *engine, const char *path,
    std::uint64_t offset, const char *to, const char *group, unsigned index)
{
  if (!engine || !path) {
    GST_WARNING_OBJECT (element_, "file not sent: the element is not running, or no path");
    return 0;
  }
  const auto envelope = envelope_of (to, group, index);
  if (!envelope)
    return 0;
  std::string error;
  Delivery d;
  d.envelope = *envelope;
  d.file = FileSource::open (path, error);
  if (d.file && offset > d.file->size)
    error = "the offset is behind its end";
  if (!error.empty ()) {
    GST_WARNING_OBJECT (element_, "file %s not sent: %s", path, error.c_str ());
    return 0;
  }
  const std::uint64_t id = d.id = next_id_++;
  d.offset = offset;
  const auto taken = engine->deliver (MediaType::file, std::move (d));
  if (taken == Deliveries::Taken::yes)
    return id;
  GST_WARNING_OBJECT (element_, "file %s not sent: %s", path, reason_of (taken));
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

void SenderDeliveries::post_progress (GstProgressType type, const FileReport &r)
{
  const std::string code = std::to_string (r.id);
  const std::string text = r.reason.empty () ? r.path : r.path + ": " + r.reason;
  GstMessage *m =
      gst_message_new_progress (GST_OBJECT (element_), type, code.c_str (), text.c_str ());
  gst_structure_set (gst_message_writable_structure (m), "id", G_TYPE_UINT64, r.id, "path",
      G_TYPE_STRING, r.path.c_str (), "bytes", G_TYPE_UINT64, r.bytes, "total", G_TYPE_UINT64,
      r.total, "peer", G_TYPE_STRING, r.receiver.peer.c_str (), "guid", G_TYPE_STRING,
      r.receiver.guid.c_str (), nullptr);
  gst_element_post_message (element_, m);
}

void SenderDeliveries::file_report (const FileReport &r)
{
  using What = FileReport::What;
  if (r.what == What::started || r.what == What::progress)
    return post_progress (
        r.what == What::started ? GST_PROGRESS_TYPE_START : GST_PROGRESS_TYPE_CONTINUE, r);
  const bool sent = r.what == What::sent;
  post_progress (sent ? GST_PROGRESS_TYPE_COMPLETE : GST_PROGRESS_TYPE_ERROR, r);
  GstStructure *s = event (sent ? "cam-file-sent" : "cam-file-failed", r.receiver, r.id);
  gst_structure_set (s, "path", G_TYPE_STRING, r.path.c_str (), "bytes", G_TYPE_UINT64, r.bytes,
      "total", G_TYPE_UINT64, r.total, nullptr);
  if (!sent)
    gst_structure_set (s, "reason", G_TYPE_STRING, r.reason.c_str (), nullptr);
  tell (sent ? "file-sent" : "file-failed", s);
}

namespace {
void file_signals (GType sender, SendFile send_file, GSignalFlags action)
{
  /**
   * GstCamSender::send-file:
   * @sender: the camsender
   * @path: the file, in the encoding of file names
   * @offset: 0, or how much of it the receiver has already as far as is known
   * @to: (nullable): guid of the receiver that it is for
   * @group: (nullable): the group that it is for, when @to is %NULL or empty
   * @index: a number for the receiver's application, up to 65535
   *
   * Queues a file. Files go one after the other. A media server passes it on, while it comes, to
   * the client @to, else to the members of @group, else to where this sender's media go (guid-to,
   * guid-group, the client's contacts), of these to all whose receiver is connected when it begins.
   * Without one it is for the receiver
   * (`mode=caller`) or for every receiver that is connected (`mode=listener`), of these only for
   * the one called @to; there are no groups. An @offset above 0 lets a receiver go on with
   * what it kept of the same file (same guid, name and size) from another try; the receiver decides
   * where that is. In any case the whole file is compared at the end.
   *
   * From any thread; does not wait, except for opening the file. A GST_MESSAGE_PROGRESS with the id
   * as code says when it starts, continues (4 times a second at most) and ends, for each receiver;
   * #GstCamSender::file-sent or #GstCamSender::file-failed follows; with a media server once for
   * all.
   *
   * Returns: the file's id, or 0 when it was not taken: it cannot be opened, is no regular file, is
   * shorter than @offset, a bad @to, @group or @index, 64 files wait already, no receiver or none
   * called @to is connected, a @group without a media server, or the element is in NULL. The debug
   * log says which. As long as it is not known what the other end is, @to and @group are looked at
   * later.
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("send-file", sender, action, G_CALLBACK (send_file), nullptr, nullptr,
      nullptr, G_TYPE_UINT64, 5, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE, G_TYPE_UINT64,
      G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE,
      G_TYPE_UINT);
  /**
   * GstCamSender::file-sent:
   * @sender: the camsender
   * @event: `cam-file-sent` with id, path, bytes, total, and peer, guid and remote-session-key of
   *     the receiver
   *
   * A receiver has the whole file, has checked its hash and put it in place; when a media server is
   * the receiver, all to whom it is passed on. Posted as element
   * message too. Comes from the event thread, with no lock held.
   *
   * Since: 0.1
   */
  event_signal ("file-sent", sender);
  /**
   * GstCamSender::file-failed:
   * @sender: the camsender
   * @event: `cam-file-failed` with the fields of `cam-file-sent`, and reason
   *
   * This receiver does not get the file; when a media server is the receiver, at least one of those
   * to whom it is passed on. A broken connection is no such failure: the rest follows
   * when it is back. Posted as element message too.
   *
   * Since: 0.1
   */
  event_signal ("file-failed", sender);
}
} // namespace

namespace {
guint64 send_data (GstElement *e, GBytes *data, const gchar *to, const gchar *group, guint index)
{
  guint64 id = 0;
  if (!data)
    return id;
  GstStructure *command = gst_structure_new (data_message, data_field, G_TYPE_BYTES, data, nullptr);
  g_signal_emit_by_name (e, "send-command", command, to, group, index, &id);
  gst_structure_free (command);
  return id;
}

void data_signals (GType sender, GSignalFlags action)
{
  /**
   * GstCamSender::send-data:
   * @sender: the camsender
   * @data: (transfer none): up to 65000 bytes
   * @to: (nullable): guid of the receiver that it is for
   * @group: (nullable): the group that it is for, when @to is %NULL or empty
   * @index: a number for the receiver's application, up to 65535
   *
   * Queues a message without a time; what has one goes into a `data_%u` pad. It travels as a
   * command does, in order with those, and comes as #GstCamReceiver::data-received. What holds for
   * #GstCamSender::send-command holds here; #GstCamSender::command-sent or
   * #GstCamSender::command-failed follows.
   *
   * Returns: the message's id, or 0 when it was not taken
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("send-data", sender, action, G_CALLBACK (send_data), nullptr, nullptr,
      nullptr, G_TYPE_UINT64, 4, G_TYPE_BYTES, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE,
      G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE, G_TYPE_UINT);
}
} // namespace

void install_delivery_signals (GType sender, SendCommand send_command, SendFile send_file)
{
  constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  /**
   * GstCamSender::send-command:
   * @sender: the camsender
   * @command: (transfer none): name and fields of the command
   * @to: (nullable): guid of the receiver that it is for
   * @group: (nullable): the group that it is for, when @to is %NULL or empty
   * @index: a number for the receiver's application, up to 65535
   *
   * Queues a command. Fields may be gboolean, gint, guint, gint64, guint64, gdouble, strings and
   * #GBytes; at most 64 of them, and 65536 bytes altogether. Commands arrive in order and once;
   * while the connection is away they are kept.
   *
   * A media server passes it on to the client @to, else to the members of @group, else to where
   * this sender's media go (guid-to, guid-group, the client's contacts). Without one it is for the
   * receiver (`mode=caller`) or for every receiver that is connected (`mode=listener`), of these
   * only for the one called @to; there are no groups.
   *
   * From any thread; does not wait. #GstCamSender::command-sent or #GstCamSender::command-failed
   * follows, for each receiver; with a media server once for all.
   *
   * Returns: the command's id, or 0 when it was not taken: a field of another type, too large, a
   * bad @to, @group or @index, 1024 commands wait already, no receiver or none called @to is
   * connected, a @group without a media server, or the element is in NULL. The debug log says
   * which. As long as it is not known what the other end is, @to and @group are looked at later.
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("send-command", sender, action, G_CALLBACK (send_command), nullptr,
      nullptr, nullptr, G_TYPE_UINT64, 4, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE,
      G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE,
      G_TYPE_UINT);
  /**
   * GstCamSender::command-sent:
   * @sender: the camsender
   * @event: `cam-command-sent` with id, peer, guid and remote-session-key of the receiver
   *
   * A receiver's application has been given the command; when a media server is the receiver,
   * those of all whom it was for and who are there. The same structure is posted as element
   * message. Comes from the event thread, with no lock held.
   *
   * Since: 0.1
   */
  event_signal ("command-sent", sender);
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
  event_signal ("command-failed", sender);
  data_signals (sender, action);
  file_signals (sender, send_file, action);
}
} // namespace reach::cam
