// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_channel.h"
#include "channel_inbox.h"
#include "enums.h"

using namespace reach;
using namespace reach::rtc;

namespace {
// What GStreamer keeps in webrtc-priv.h; the same from 1.22 on.
struct KnownClass {
  GObjectClass parent;
  gboolean (*send_data) (GstWebRTCDataChannel *, GBytes *, GError **);
  gboolean (*send_string) (GstWebRTCDataChannel *, const gchar *, GError **);
  void (*close) (GstWebRTCDataChannel *);
  gpointer padding[GST_PADDING];
};

// All of them are overridden, so that nothing needs to know what the instance of the parent is
// like.
enum Prop : guint {
  prop_label = 1,
  prop_ordered,
  prop_max_packet_lifetime,
  prop_max_retransmits,
  prop_protocol,
  prop_negotiated,
  prop_id,
  prop_priority,
  prop_ready_state,
  prop_buffered_amount,
  prop_buffered_amount_low_threshold,
};
constexpr const char *prop_names[] = {nullptr, "label", "ordered", "max-packet-lifetime",
    "max-retransmits", "protocol", "negotiated", "id", "priority", "ready-state", "buffered-amount",
    "buffered-amount-low-threshold"};

struct Private {
  ChannelInbox *inbox; // null: made by g_object_new (), not by us
  std::shared_ptr<ChannelInbox> *shared;
};
gint private_offset;
gpointer parent_class;

Private &private_of (gpointer object)
{
  return *static_cast<Private *> (G_STRUCT_MEMBER_P (object, private_offset));
}

int optional_int (const std::optional<std::uint32_t> &n)
{
  return n ? static_cast<int> (std::min<std::uint32_t> (*n, G_MAXUINT16)) : -1;
}

void get_config (const ChannelConfig &c, guint id, GValue *v)
{
  switch (id) {
  case prop_label:
    return g_value_set_string (v, c.label.c_str ());
  case prop_ordered:
    return g_value_set_boolean (v, c.reliability.ordered);
  case prop_max_packet_lifetime:
    return g_value_set_int (v, optional_int (c.reliability.max_lifetime));
  case prop_max_retransmits:
    return g_value_set_int (v, optional_int (c.reliability.max_retransmits));
  case prop_protocol:
    return g_value_set_string (v, c.protocol.c_str ());
  case prop_negotiated:
    return g_value_set_boolean (v, c.negotiated);
  case prop_priority:
    return g_value_set_enum (v, priority_to_gst (c.priority));
  default:
    return;
  }
}

void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  ChannelInbox *inbox = private_of (o).inbox;
  if (!inbox)
    return g_param_value_set_default (spec, v);
  switch (id) {
  case prop_id:
    return g_value_set_int (v, inbox->id ());
  case prop_ready_state:
    return g_value_set_enum (v, to_gst (inbox->ready_state ()));
  case prop_buffered_amount:
    return g_value_set_uint64 (v, inbox->port ().buffered ());
  case prop_buffered_amount_low_threshold:
    return g_value_set_uint64 (v, inbox->port ().low_threshold ());
  default:
    get_config (inbox->config (), id, v);
  }
}

// Those of construction are not used: the channel's ChannelConfig has them.
void set_property (GObject *o, guint id, const GValue *v, GParamSpec *)
{
  ChannelInbox *inbox = private_of (o).inbox;
  if (inbox && id == prop_buffered_amount_low_threshold)
    inbox->port ().set_low_threshold (g_value_get_uint64 (v));
}

// Refusals go to who asked, or to on-error.
gboolean refuse (ChannelInbox *inbox, GError **error, GstWebRTCError code, const char *what)
{
  if (error)
    g_set_error_literal (error, GST_WEBRTC_ERROR, code, what);
  else if (inbox)
    inbox->report (code, what);
  return FALSE;
}

constexpr Handle::Type bytes_type = {[] (void *b) { g_bytes_ref (static_cast<GBytes *> (b)); },
    [] (void *b) { g_bytes_unref (static_cast<GBytes *> (b)); }};

gboolean send (GstWebRTCDataChannel *channel, bool text, GBytes *data, GError **error)
{
  ChannelInbox *inbox = private_of (channel).inbox;
  if (!inbox)
    return refuse (nullptr, error, GST_WEBRTC_ERROR_INVALID_STATE, "the channel has no peer");
  ChannelMessage m{text, {}, {}};
  if (data) {
    gsize size = 0;
    const auto *bytes = static_cast<const std::uint8_t *> (g_bytes_get_data (data, &size));
    m.bytes = Bytes (bytes, size);
    m.owner = Handle::adopt (g_bytes_ref (data), bytes_type);
  }
  switch (inbox->port ().send (std::move (m))) {
  case ChannelPort::Sent::yes:
    return TRUE;
  case ChannelPort::Sent::not_open:
    return refuse (inbox, error, GST_WEBRTC_ERROR_INVALID_STATE, "the channel is not open");
  case ChannelPort::Sent::full:
    return refuse (inbox, error, GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE,
        "too much waits already: look at buffered-amount");
  case ChannelPort::Sent::too_big:
    break;
  }
  return refuse (
      inbox, error, GST_WEBRTC_ERROR_TYPE_ERROR, "the message is bigger than the peer takes");
}

gboolean send_data (GstWebRTCDataChannel *channel, GBytes *data, GError **error)
{
  return send (channel, false, data, error);
}

gboolean send_string (GstWebRTCDataChannel *channel, const gchar *text, GError **error)
{
  if (!text)
    return send (channel, true, nullptr, error);
  if (!g_utf8_validate (text, -1, nullptr))
    return refuse (
        private_of (channel).inbox, error, GST_WEBRTC_ERROR_TYPE_ERROR, "the text is not UTF-8");
  GBytes *data = g_bytes_new (text, strlen (text));
  const gboolean ok = send (channel, true, data, error);
  g_bytes_unref (data);
  return ok;
}

void close_channel (GstWebRTCDataChannel *channel)
{
  if (ChannelInbox *inbox = private_of (channel).inbox)
    inbox->close ();
}

void finalize (GObject *o)
{
  delete private_of (o).shared;
  G_OBJECT_CLASS (parent_class)->finalize (o);
}

void class_init (gpointer klass, gpointer)
{
  parent_class = g_type_class_peek_parent (klass);
  g_type_class_adjust_private_offset (klass, &private_offset);
  auto *object = G_OBJECT_CLASS (klass);
  object->get_property = get_property;
  object->set_property = set_property;
  object->finalize = finalize;
  for (guint id = prop_label; id < G_N_ELEMENTS (prop_names); id++)
    g_object_class_override_property (object, id, prop_names[id]);
  auto *known = static_cast<KnownClass *> (klass);
  known->send_data = send_data;
  known->send_string = send_string;
  known->close = close_channel;
}

GType register_type (std::string &why)
{
  const GType parent = gst_webrtc_data_channel_get_type ();
  GTypeQuery query{};
  g_type_query (parent, &query);
  const gpointer klass = g_type_class_ref (parent);
  why = data_channel_class_fault (query, klass);
  g_type_class_unref (klass);
  if (!why.empty ())
    return 0;
  GTypeInfo info{};
  info.class_size = static_cast<guint16> (query.class_size);
  info.instance_size = static_cast<guint16> (query.instance_size);
  info.class_init = class_init;
  const GType type =
      g_type_register_static (parent, "GstReachRtcDataChannel", &info, static_cast<GTypeFlags> (0));
  private_offset = g_type_add_instance_private (type, sizeof (Private));
  return type;
}
} // namespace

namespace reach::rtc {
std::string data_channel_class_fault (const GTypeQuery &query, gconstpointer klass)
{
  const auto *known = static_cast<const KnownClass *> (klass);
  const std::string here = "GStreamer " + std::to_string (GST_VERSION_MAJOR) + " headers, " +
                           CharPtr (gst_version_string ()).get () + ": ";
  if (query.class_size != sizeof (KnownClass))
    return here + "GstWebRTCDataChannelClass has " + std::to_string (query.class_size) +
           " bytes instead of " + std::to_string (sizeof (KnownClass)) +
           "; data channels need a newer version of this plugin";
  // The class is abstract: what subclasses fill in is empty.
  if (known->send_data || known->send_string || known->close)
    return here + "GstWebRTCDataChannelClass has other functions than those known; data channels "
                  "need a newer version of this plugin";
  return {};
}

GType data_channel_type (std::string &why)
{
  static std::string fault;
  static const GType type = register_type (fault);
  why = fault;
  return type;
}

std::optional<ChannelConfig> channel_config (
    const char *label, const GstStructure *options, std::string &why)
{
  ChannelConfig c;
  c.label = label ? label : "";
  gboolean ordered = TRUE, negotiated = FALSE;
  gint lifetime = -1, retransmits = -1, id = -1, priority = GST_WEBRTC_PRIORITY_TYPE_LOW;
  if (options) {
    gst_structure_get_boolean (options, "ordered", &ordered);
    gst_structure_get_boolean (options, "negotiated", &negotiated);
    gst_structure_get_int (options, "max-packet-lifetime", &lifetime);
    gst_structure_get_int (options, "max-retransmits", &retransmits);
    gst_structure_get_int (options, "id", &id);
    gst_structure_get_enum (options, "priority", GST_TYPE_WEBRTC_PRIORITY_TYPE, &priority);
    if (const gchar *protocol = gst_structure_get_string (options, "protocol"))
      c.protocol = protocol;
  }
  c.reliability.ordered = ordered;
  c.negotiated = negotiated;
  c.priority = from_gst (static_cast<GstWebRTCPriorityType> (priority));
  if (lifetime >= 0)
    c.reliability.max_lifetime = static_cast<std::uint32_t> (lifetime);
  if (retransmits >= 0)
    c.reliability.max_retransmits = static_cast<std::uint32_t> (retransmits);
  if (id >= 0)
    c.id = static_cast<std::uint16_t> (id);
  if (lifetime >= 0 && retransmits >= 0)
    why = "max-packet-lifetime and max-retransmits cannot both be";
  else if (lifetime > G_MAXUINT16 || retransmits > G_MAXUINT16)
    why = "max-packet-lifetime and max-retransmits are at most 65535";
  else if (id >= G_MAXUINT16)
    why = "id is at most 65534";
  else if (negotiated && id < 0)
    why = "a negotiated channel needs its id";
  else if (c.label.size () > 65535 || c.protocol.size () > 65535)
    why = "label and protocol have at most 65535 bytes";
  else
    return c;
  return {};
}

Ref<GstWebRTCDataChannel> data_channel_new (
    const ChannelConfig &config, std::shared_ptr<SignalQueue> queue, std::string &why)
{
  const GType type = data_channel_type (why);
  if (type == 0)
    return {};
  auto object = Ref<GstWebRTCDataChannel>::adopt (
      static_cast<GstWebRTCDataChannel *> (g_object_new (type, nullptr)));
  Private &p = private_of (object.get ());
  p.shared = new std::shared_ptr<ChannelInbox> (
      std::make_shared<ChannelInbox> (object.get (), config, std::move (queue)));
  p.inbox = p.shared->get ();
  return object;
}

DataHub::Ends data_channel_ends (GstWebRTCDataChannel *channel)
{
  const auto &inbox = *private_of (channel).shared;
  inbox->keep ();
  return {inbox->shared_port (), inbox};
}
} // namespace reach::rtc
