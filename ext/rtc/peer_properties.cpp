// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_properties.h"
#include "connection_properties.h"
#include "webrtc/enums.h"
#include "webrtc/session_description.h"

namespace reach::rtc {
namespace {
enum Prop : guint {
  prop_estimated_bitrate = first_own_property,
  prop_peer_id,
  prop_connection_state,
  prop_ice_connection_state,
  prop_ice_gathering_state,
  prop_signaling_state,
  prop_local_description,
  prop_remote_description,
  prop_current_local_description,
  prop_current_remote_description,
  prop_pending_local_description,
  prop_pending_remote_description,
};

void give_description (GValue *v, DescriptionType type, const PeerStatus::Text &sdp)
{
  std::string why;
  g_value_take_boxed (v, sdp ? description_to_gst (type, *sdp, why).release () : nullptr);
}

// While there is an offer that is not answered it is the pending one, and its side offered it.
DescriptionType type_of (const PeerStatus &s, bool local, bool pending)
{
  const bool offer = local ? s.signaling == SignalingState::have_local_offer ||
                                 s.signaling == SignalingState::have_remote_pranswer
                           : s.signaling == SignalingState::have_remote_offer ||
                                 s.signaling == SignalingState::have_local_pranswer;
  if (pending && offer)
    return DescriptionType::offer;
  if (pending)
    return DescriptionType::pranswer;
  return local == s.we_answered ? DescriptionType::answer : DescriptionType::offer;
}

bool get_status (const PeerStatus &s, guint id, GValue *v)
{
  switch (id) {
  case prop_estimated_bitrate:
    g_value_set_uint (v, s.bitrate);
    return true;
  case prop_peer_id:
    g_value_set_string (v, s.peer.empty () ? nullptr : s.peer.c_str ());
    return true;
  case prop_connection_state:
    g_value_set_enum (v, to_gst (s.transport, s.silent));
    return true;
  case prop_ice_connection_state:
    g_value_set_enum (v, to_gst (s.ice, s.silent));
    return true;
  case prop_ice_gathering_state:
    g_value_set_enum (v, to_gst (s.gathering));
    return true;
  case prop_signaling_state:
    g_value_set_enum (v, to_gst (s.signaling));
    return true;
  case prop_local_description:
    give_description (v, type_of (s, true, s.pending_local != nullptr), s.local);
    return true;
  case prop_remote_description:
    give_description (v, type_of (s, false, s.pending_remote != nullptr), s.remote);
    return true;
  case prop_current_local_description:
    give_description (v, type_of (s, true, false), s.current_local);
    return true;
  case prop_current_remote_description:
    give_description (v, type_of (s, false, false), s.current_remote);
    return true;
  case prop_pending_local_description:
    give_description (v, type_of (s, true, true), s.pending_local);
    return true;
  case prop_pending_remote_description:
    give_description (v, type_of (s, false, true), s.pending_remote);
    return true;
  default:
    return false;
  }
}

constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

void install_status (GObjectClass *k)
{
  const auto description = [k] (guint id, const char *name, const char *blurb) {
    g_object_class_install_property (
        k, id, g_param_spec_boxed (name, nullptr, blurb, GST_TYPE_WEBRTC_SESSION_DESCRIPTION, ro));
  };
  const auto state = [k] (guint id, const char *name, const char *blurb, GType type) {
    g_object_class_install_property (k, id, g_param_spec_enum (name, nullptr, blurb, type, 0, ro));
  };
  g_object_class_install_property (k, prop_estimated_bitrate,
      g_param_spec_uint ("estimated-bitrate", nullptr,
          "What the network carries to the peer, bit/s (0 = not known)", 0, G_MAXUINT, 0, ro));
  g_object_class_install_property (k, prop_peer_id,
      g_param_spec_string (
          "peer-id", nullptr, "What the other side calls itself (NULL = nobody)", nullptr, ro));
  state (prop_connection_state, "connection-state", "Of ICE and DTLS together",
      GST_TYPE_WEBRTC_PEER_CONNECTION_STATE);
  state (prop_ice_connection_state, "ice-connection-state", "Of ICE",
      GST_TYPE_WEBRTC_ICE_CONNECTION_STATE);
  state (prop_ice_gathering_state, "ice-gathering-state", "Of our candidates",
      GST_TYPE_WEBRTC_ICE_GATHERING_STATE);
  state (prop_signaling_state, "signaling-state", "Of offer and answer",
      GST_TYPE_WEBRTC_SIGNALING_STATE);
  description (prop_local_description, "local-description", "The pending one, or else the current");
  description (
      prop_remote_description, "remote-description", "The pending one, or else the current");
  description (prop_current_local_description, "current-local-description", "That is in force");
  description (prop_current_remote_description, "current-remote-description", "That is in force");
  description (prop_pending_local_description, "pending-local-description",
      "That is being negotiated (NULL = none)");
  description (prop_pending_remote_description, "pending-remote-description",
      "That is being negotiated (NULL = none)");
}
} // namespace

void install_peer_properties (GObjectClass *klass)
{
  install_connection_properties (klass,
      "How the other side is found: ws(s)://HOST:PORT/CHANNEL of an rtcpoolserver, "
      "whip+http(s)://… to publish, whep+http(s)://… to play (NULL = the application carries "
      "descriptions and candidates)");
  install_status (klass);
}

bool set_peer_property (PeerImpl &impl, guint id, const GValue *value)
{
  const bool known = impl.settings.update (
      [&] (ConnectionSettings &s) { return set_connection_property (s, id, value); });
  if (known)
    impl.apply_settings ();
  return known;
}

bool get_peer_property (PeerImpl &impl, guint id, GValue *value)
{
  if (get_connection_property (*impl.settings.lock (), id, value))
    return true;
  return get_status (impl.status (), id, value);
}
} // namespace reach::rtc
