// SPDX-License-Identifier: LGPL-2.1-or-later
// What onStatus, _result and _error tell a client.
#pragma once
#include "amf.h"

namespace reach::rtmp {
struct Status {
  std::string code, description;
  bool error = false;
  std::vector<Property> more = {}; // further members of the information object

  Value value () const
  {
    Object o;
    o.members = {{"level", error ? "error" : "status"}, {"code", code}};
    if (!description.empty ())
      o.members.push_back ({"description", description});
    o.members.insert (o.members.end (), more.begin (), more.end ());
    return o;
  }
};

// Codes that OBS, librtmp and FFmpeg understand.
namespace code {
constexpr const char *connect_success = "NetConnection.Connect.Success";
constexpr const char *connect_rejected = "NetConnection.Connect.Rejected";
constexpr const char *connect_invalid_app = "NetConnection.Connect.InvalidApp";
constexpr const char *connect_reconnect = "NetConnection.Connect.ReconnectRequest";
constexpr const char *call_failed = "NetConnection.Call.Failed";
constexpr const char *failed = "NetStream.Failed";
constexpr const char *publish_start = "NetStream.Publish.Start";
constexpr const char *publish_bad_name = "NetStream.Publish.BadName";
constexpr const char *publish_denied = "NetStream.Publish.Denied";
constexpr const char *publish_rejected = "NetStream.Publish.Rejected";
constexpr const char *unpublish_success = "NetStream.Unpublish.Success";
constexpr const char *play_reset = "NetStream.Play.Reset";
constexpr const char *play_start = "NetStream.Play.Start";
constexpr const char *play_stop = "NetStream.Play.Stop";
constexpr const char *play_failed = "NetStream.Play.Failed";
constexpr const char *play_not_found = "NetStream.Play.StreamNotFound";
constexpr const char *play_publish_notify = "NetStream.Play.PublishNotify";
constexpr const char *play_unpublish_notify = "NetStream.Play.UnpublishNotify";
constexpr const char *pause_notify = "NetStream.Pause.Notify";
constexpr const char *unpause_notify = "NetStream.Unpause.Notify";
constexpr const char *pause_failed = "NetStream.Pause.Failed";
constexpr const char *seek_notify = "NetStream.Seek.Notify";
constexpr const char *seek_failed = "NetStream.Seek.Failed";
} // namespace code
} // namespace reach::rtmp
