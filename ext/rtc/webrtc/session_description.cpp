// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session_description.h"
#include "common/ref.h"
#include "enums.h"
#include <cstring>

namespace reach::rtc {
namespace {
SessionDescriptionPtr make (DescriptionType type, std::string_view text)
{
  GstSDPMessage *message = nullptr;
  gst_sdp_message_new (&message);
  if (!text.empty ())
    gst_sdp_message_parse_buffer (reinterpret_cast<const guint8 *> (text.data ()),
        static_cast<guint> (text.size ()), message);
  return SessionDescriptionPtr (gst_webrtc_session_description_new (to_gst (type), message));
}
} // namespace

SessionDescriptionPtr description_to_gst (
    DescriptionType type, std::string_view text, std::string &why)
{
  if (type == DescriptionType::rollback)
    return make (type, {});
  const sdp::Parsed parsed = sdp::parse (text);
  if (parsed)
    return make (type, text);
  why = "line " + std::to_string (parsed.line) +
        " of the SDP: " + std::string (sdp::to_string (parsed.fault));
  return {};
}

SessionDescriptionPtr description_to_gst (DescriptionType type, const sdp::Description &d)
{
  return make (type, type == DescriptionType::rollback ? std::string () : sdp::to_string (d));
}

std::optional<GstDescription> description_from_gst (const GstWebRTCSessionDescription *d)
{
  if (!d)
    return {};
  int value = 0; // of C: any number
  std::memcpy (&value, &d->type, sizeof value);
  if (value < GST_WEBRTC_SDP_TYPE_OFFER || value > GST_WEBRTC_SDP_TYPE_ROLLBACK)
    return {};
  const auto type = from_gst (static_cast<GstWebRTCSDPType> (value));
  GstDescription result{*type, {}};
  if (*type == DescriptionType::rollback || !d->sdp)
    return result;
  const CharPtr text (gst_sdp_message_as_text (d->sdp));
  result.sdp = text ? text.get () : "";
  return result;
}
} // namespace reach::rtc
