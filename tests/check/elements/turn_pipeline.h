// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline with both relay elements, and datagrams through it.
#pragma once
#include "../coturn.h"
#include <atomic>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/net/gstnetaddressmeta.h>

namespace reach::test {
class Pipeline {
public:
  explicit Pipeline (const std::string &description)
  {
    GError *e = nullptr;
    p_ = gst_parse_launch (description.c_str (), &e);
    fail_unless (p_ && !e, "%s: %s", description.c_str (), e ? e->message : "");
  }
  ~Pipeline ()
  {
    gst_element_set_state (p_, GST_STATE_NULL);
    gst_object_unref (p_);
  }
  Pipeline (const Pipeline &) = delete;
  Pipeline &operator= (const Pipeline &) = delete;

  GstElement *get () const { return p_; }
  void play ()
  {
    fail_unless (gst_element_set_state (p_, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  bool set (const char *element, const char *property, const std::string &value)
  {
    GstElement *e = by_name (element);
    gst_util_set_object_arg (G_OBJECT (e), property, value.c_str ());
    gst_object_unref (e);
    return true;
  }
  // With a reference.
  GstElement *by_name (const char *name) const
  {
    GstElement *e = gst_bin_get_by_name (GST_BIN (p_), name);
    fail_unless (e != nullptr, "%s", name);
    return e;
  }
  std::string text (const char *element, const char *property) const
  {
    GstElement *e = by_name (element);
    gchar *t = nullptr;
    g_object_get (e, property, &t, nullptr);
    gst_object_unref (e);
    const std::string s = t ? t : "";
    g_free (t);
    return s;
  }
  guint64 stat (const char *element, const char *field) const
  {
    GstElement *e = by_name (element);
    GstStructure *s = nullptr;
    guint64 n = 0;
    g_object_get (e, "stats", &s, nullptr);
    fail_unless (gst_structure_get_uint64 (s, field, &n), "%s", field);
    gst_structure_free (s);
    gst_object_unref (e);
    return n;
  }

  // A thread counts after it has sent, so that the packet may be here first.
  bool counts (const char *element, const char *field, guint64 n) const
  {
    return iterate_until ([&] { return stat (element, field) == n; });
  }

private:
  GstElement *p_;
};

inline GstBuffer *buffer_of (const std::string &bytes)
{
  return gst_buffer_new_memdup (bytes.data (), bytes.size ());
}

// "in" is an appsrc before turnrelaysink "sink", "out" an appsink behind turnrelaysrc "src".
class Call : public Pipeline {
public:
  Call (const std::string &uri, const std::string &options, const std::string &peers)
      : Pipeline (
            description (" allocation-name=" + own_name () + " uri=" + uri + " " + options, peers))
  {
    in_ = by_name ("in");
    out_ = by_name ("out");
  }
  ~Call ()
  {
    gst_object_unref (in_);
    gst_object_unref (out_);
  }
  void push (const std::string &bytes)
  {
    fail_unless_equals_int (
        gst_app_src_push_buffer (GST_APP_SRC (in_), buffer_of (bytes)), GST_FLOW_OK);
  }
  void push (GstBufferList *list)
  {
    fail_unless_equals_int (gst_app_src_push_buffer_list (GST_APP_SRC (in_), list), GST_FLOW_OK);
  }
  // Empty: nothing came. `from`: the port of the peer.
  std::string pull (guint16 *from = nullptr, milliseconds limit = long_enough)
  {
    GstSample *s = gst_app_sink_try_pull_sample (GST_APP_SINK (out_), clock_time (limit));
    if (!s)
      return {};
    GstBuffer *b = gst_sample_get_buffer (s);
    std::string bytes (gst_buffer_get_size (b), '\0');
    gst_buffer_extract (b, 0, bytes.data (), bytes.size ());
    const GstNetAddressMeta *m = gst_buffer_get_net_address_meta (b);
    if (from && m)
      *from = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (m->addr));
    fail_unless (GST_BUFFER_PTS_IS_VALID (b));
    gst_sample_unref (s);
    return bytes;
  }

private:
  static std::string own_name ()
  {
    static std::atomic<unsigned> calls{0};
    return "call" + std::to_string (++calls);
  }
  static std::string description (const std::string &relay, const std::string &peers)
  {
    return "appsrc name=in format=time ! turnrelaysink name=sink sync=false async=false peers=\"" +
           peers + "\"" + relay + " turnrelaysrc name=src" + relay +
           " ! appsink name=out sync=false async=false";
  }
  GstElement *in_, *out_;
};

inline bool has_ipv6 ()
{
  GSocket *s =
      g_socket_new (G_SOCKET_FAMILY_IPV6, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr);
  GInetAddress *loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6);
  GSocketAddress *any = g_inet_socket_address_new (loopback, 0);
  const bool there = s && g_socket_bind (s, any, FALSE, nullptr);
  g_object_unref (any);
  g_object_unref (loopback);
  g_clear_object (&s);
  if (!there)
    g_print ("skipped: no IPv6 here\n");
  return there;
}

inline std::string address_of (const UdpPeer &p, GSocketFamily family = G_SOCKET_FAMILY_IPV4)
{
  return (family == G_SOCKET_FAMILY_IPV6 ? "[::1]:" : "127.0.0.1:") + std::to_string (p.port ());
}

// Of each length modulo four, and larger ones.
inline void exchange (Call &call, UdpPeer &peer)
{
  for (const std::size_t size : {1, 2, 3, 4, 5, 100, 1000, 1199}) {
    const std::string there (size, static_cast<char> ('a' + size % 26));
    const std::string back (size, static_cast<char> ('A' + size % 26));
    std::string got;
    call.push (there);
    fail_unless (peer.receive (got) && got == there, "%zu bytes: %zu came", size, got.size ());
    peer.reply (back);
    guint16 from = 0;
    got = call.pull (&from);
    fail_unless (got == back, "%zu bytes: %zu came back", size, got.size ());
    fail_unless_equals_int (from, peer.port ());
  }
}

// Sends until the peer has got one: what is sent while there is no allocation is lost.
inline void flows_again (Call &call, UdpPeer &peer)
{
  peer.set_timeout (1);
  std::string got;
  bool came = false;
  for (int i = 0; i < 30 && !came; i++) {
    call.push ("again");
    came = peer.receive (got);
  }
  fail_unless (came && got == "again");
  peer.set_timeout (20);
}

inline bool came_from_sink (GstMessage *m, const char *name)
{
  return gst_message_has_name (m, name) &&
         g_strcmp0 (GST_OBJECT_NAME (GST_MESSAGE_SRC (m)), "sink") == 0;
}

inline bool wait_sink (Call &call, const char *name)
{
  return wait_message (call.get (), GST_MESSAGE_ELEMENT,
             [name] (GstMessage *m) { return came_from_sink (m, name); }) != nullptr;
}

inline void round_trip (
    const std::string &uri, const std::string &options, GSocketFamily family = G_SOCKET_FAMILY_IPV4)
{
  UdpPeer peer (family);
  Call call (uri, options, address_of (peer, family));
  call.play ();
  exchange (call, peer);
  // One allocation for both, and peers see its address.
  const std::string relayed = call.text ("src", "relayed-address");
  fail_unless_equals_string (call.text ("sink", "relayed-address").c_str (), relayed.c_str ());
  fail_unless (
      relayed.ends_with (":" + std::to_string (peer.sender_port ())), "%s", relayed.c_str ());
  fail_unless (call.counts ("sink", "packets-sent", 8));
  fail_unless (call.stat ("sink", "packets-dropped") == 0);
  fail_unless (call.counts ("src", "packets-received", 8));
}
} // namespace reach::test
