// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpool among members that come in crowds and answer nothing, and with a server that invents
// them.
#include "../bus_error.h"
#include "../rtc/pool_member.h"
#include "rtc_hostile.h"
#include <sys/resource.h>

using namespace reach;
using namespace reach::test;

namespace {
class Room {
public:
  Room ()
  {
    element_ =
        GST_ELEMENT (gst_object_ref_sink (gst_element_factory_make ("rtcpoolserver", nullptr)));
    g_object_set (element_, "port", 0u, "bind-address", "127.0.0.1", nullptr);
    fail_unless_equals_int (
        gst_element_set_state (element_, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    guint port = 0;
    g_object_get (element_, "current-port", &port, nullptr);
    uri = "ws://127.0.0.1:" + std::to_string (port);
  }
  ~Room ()
  {
    gst_element_set_state (element_, GST_STATE_NULL);
    gst_object_unref (element_);
  }
  std::string member (const std::string &more) const
  {
    return "rtcpool name=peer pool=garden signalling-uri=" + uri + " " + more;
  }
  std::string uri;

private:
  GstElement *element_ = nullptr;
};

bool wait_connections (Caller &c, guint n)
{
  return iterate_until ([&] { return c.get<guint> ("n-connections") == n; });
}

// Members that say nothing but that they are there.
class Crowd {
public:
  void join (const Room &room, unsigned n)
  {
    for (unsigned i = 0; i < n; i++)
      all_.push_back (std::make_unique<PoolMember> (loop_, PoolMember::to (room.uri)));
    for (auto &m : all_)
      if (!m->joined ().empty ())
        continue;
  }
  void leave () { all_.clear (); }

private:
  Loop loop_{"crowd"};
  std::vector<std::unique_ptr<PoolMember>> all_;
};
} // namespace

// Two hundred, in crowds, while media flow.
GST_START_TEST (test_crowds_come_and_go)
{
  Room room;
  Caller camera (room.member (small_video + " ! peer.video_0")), viewer (room.member (""));
  camera.play ();
  viewer.play ();
  fail_unless (viewer.wait_media ("video/x-raw", 15));
  Crowd crowd;
  double memory = 0;
  unsigned descriptors = 0;
  for (int round = 0; round < 4; round++) {
    crowd.join (room, 50);
    fail_unless (wait_connections (camera, 51));
    fail_unless (viewer.wait_media ("video/x-raw", 20));
    crowd.leave ();
    fail_unless (wait_connections (camera, 1));
    fail_unless (wait_connections (viewer, 1));
    fail_unless (viewer.wait_media ("video/x-raw", 20));
    if (round == 0) {
      memory = memory_used ();
      descriptors = descriptors_open ();
    }
  }
  fail_unless (memory_used () - memory < most_more_memory, "%f MiB", memory_used () - memory);
  fail_unless (
      descriptors_open () < descriptors + 200, "%u, %u before", descriptors_open (), descriptors);
  fail_unless (time_to_end (camera) < longest_end);
  fail_unless (time_to_end (viewer) < longest_end);
}
GST_END_TEST

// More than there are descriptors for: those who are connected stay, and the process does.
GST_START_TEST (test_more_members_than_descriptors)
{
  Room room;
  Caller camera (room.member (small_video + " ! peer.video_0")), viewer (room.member (""));
  camera.play ();
  viewer.play ();
  fail_unless (viewer.wait_media ("video/x-raw", 15));
  rlimit before{};
  getrlimit (RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = descriptors_open () + 500;
  fail_unless (setrlimit (RLIMIT_NOFILE, &few) == 0);
  Crowd crowd;
  crowd.join (room, 80);
  fail_unless (wait_connections (camera, 81));
  fail_unless (wait_message (camera.pipeline, GST_MESSAGE_WARNING, [] (GstMessage *m) {
    const auto error = error_of (m);
    return strstr (error->message, "ulimit -n") != nullptr;
  }) != nullptr);
  fail_unless (viewer.wait_media ("video/x-raw", 30));
  crowd.leave ();
  fail_unless (wait_connections (camera, 1));
  setrlimit (RLIMIT_NOFILE, &before);
  fail_unless (viewer.wait_media ("video/x-raw", 30));
  fail_unless (time_to_end (camera) < longest_end);
}
GST_END_TEST

namespace {
std::string rtcpool (const std::string &uri)
{
  return "rtcpool name=peer pool=garden signalling-uri=" + uri + " " + small_video +
         " ! peer.video_0";
}
std::string quoted (const std::string &text)
{
  return "\"" + text + "\"";
}
} // namespace

// The server invents members, who offer, and takes them away again.
GST_START_TEST (test_flood_of_members)
{
  std::string offer = HostileSdp{}.json ();
  flood (rtcpool, [&] (HostileSocket &s, unsigned i) {
    const std::string id = quoted ("m" + std::to_string (i));
    if (i == 0 && !s.send ("rtc:joined",
                      R"({"client_id":"me","peers":[],"descriptions":{},"pool":"garden"})"))
      return false;
    if (i > 20 && !s.send ("rtc:close", R"({"id":)" + quoted ("m" + std::to_string (i - 20)) + "}"))
      return false;
    return s.send ("rtc:peer", R"({"id":)" + id + "}") &&
           s.send ("rtc:sdp", R"({"peer":)" + id + R"(,"description":)" + offer + "}");
  });
}
GST_END_TEST

// Names that are too long, odd, empty, or there already, and messages of nobody.
GST_START_TEST (test_odd_names)
{
  const std::string names[] = {std::string (1 << 16, 'x'), "", "../..", "\\u0000", "%s%n",
      "\\u202e\\ud83d\\ude00", "a b", "same", "same", std::string (256, 'y')};
  HostileServer server ([&] (HostileSocket &s) {
    s.send ("rtc:joined",
        R"({"client_id":"me","peers":["same","same","me","",7,null,{}],"descriptions":[],"pool":"garden"})");
    for (const std::string &n : names) {
      s.send ("rtc:peer", R"({"id":)" + quoted (n) + "}");
      s.send (
          "rtc:describe", R"({"id":)" + quoted (n) + R"(,"description":{"k":[1,2,{"x":null}]}})");
      s.send (
          "rtc:sdp", R"({"peer":)" + quoted (n) + R"(,"description":{"type":"offer","sdp":7}})");
      s.send ("rtc:candidate", R"({"peer":)" + quoted (n) + R"(,"candidate":[]})");
    }
    s.send ("rtc:peer", R"({"id":"last"})");
    s.wait_end ();
  });
  Caller c ("rtcpool name=peer pool=garden signalling-uri=" + server.uri (""));
  c.play ();
  fail_unless (wait_message (c.pipeline, GST_MESSAGE_ELEMENT, [] (GstMessage *m) {
    const GstStructure *s = gst_message_get_structure (m);
    return gst_structure_has_name (s, "rtc-pool-peer-added") &&
           g_strcmp0 (gst_structure_get_string (s, "peer-id"), "last") == 0;
  }) != nullptr);
  fail_unless (c.get<guint> ("n-connections") <= 9);
  fail_unless (time_to_end (c) < longest_end);
}
GST_END_TEST

static Suite *rtc_pool_hostile_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_pool_hostile");
  TCase *tc = tcase_create ("pool");
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, test_crowds_come_and_go);
  tcase_add_test (tc, test_more_members_than_descriptors);
  tcase_add_test (tc, test_flood_of_members);
  tcase_add_test (tc, test_odd_names);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_pool_hostile)
