// SPDX-License-Identifier: LGPL-2.1-or-later
// A receiver that keeps its links alive and acknowledges nothing: commands and files end by their
// timeouts, or never with -1.
#include "cam/proto/file_transfer.h"
#include "cam/proto/hello.h"
#include "delivery_fixture.h"
#include "tcp_relay.h"

using namespace reach::test;
using namespace reach::cam;
using reach::Bytes;

namespace {
std::string message (Kind kind, const std::vector<std::uint8_t> &body)
{
  MessageHeader h;
  h.kind = kind;
  h.length = static_cast<std::uint32_t> (body.size ());
  std::string s (MessageHeader::size, '\0');
  h.write (reinterpret_cast<std::uint8_t *> (s.data ()));
  return s.append (body.begin (), body.end ());
}

// Welcomes whoever connects, pings, and reads all. With `begins` it takes files, and then says no
// more of them.
class MuteReceiver {
public:
  explicit MuteReceiver (bool begins) : begins_ (begins), listener_ (RawSocket::listen ())
  {
    thread_ = std::thread ([this] { run (); });
  }
  ~MuteReceiver ()
  {
    stopping_ = true;
    thread_.join ();
  }
  guint16 port () const { return listener_.port (); }

private:
  struct Peer {
    RawSocket socket;
    std::string in;
  };
  void run ()
  {
    gint64 pinged = 0;
    while (!stopping_) {
      std::vector<pollfd> fds{{listener_.fd (), POLLIN, 0}};
      for (const Peer &p : peers_)
        fds.push_back ({p.socket.fd (), POLLIN, 0});
      ::poll (fds.data (), fds.size (), 20);
      for (std::size_t i = 0; i < peers_.size (); i++)
        if (fds[i + 1].revents)
          take (peers_[i]);
      std::erase_if (peers_, [] (const Peer &p) { return !p.socket.valid (); });
      if (fds[0].revents)
        peers_.push_back ({listener_.accept (), {}});
      if (g_get_monotonic_time () - pinged < 100000)
        continue;
      pinged = g_get_monotonic_time ();
      for (Peer &p : peers_)
        p.socket.send (message (Kind::ping, encode (Ping{})));
    }
  }
  void take (Peer &p)
  {
    char buffer[65536];
    const ssize_t n = ::recv (p.socket.fd (), buffer, sizeof buffer, 0);
    if (n <= 0)
      return p.socket.close ();
    p.in.append (buffer, static_cast<std::size_t> (n));
    while (p.in.size () >= MessageHeader::size) {
      const auto *data = reinterpret_cast<const std::uint8_t *> (p.in.data ());
      const auto h = MessageHeader::parse (
          std::span<const std::uint8_t, MessageHeader::size> (data, MessageHeader::size));
      const std::size_t size = MessageHeader::size + h.length;
      if (p.in.size () < size)
        return;
      handle (p, h.kind, Bytes (data, size).subspan (MessageHeader::size));
      p.in.erase (0, size);
    }
  }
  void handle (Peer &p, Kind kind, Bytes body)
  {
    if (kind == Kind::hello) {
      Hello w;
      w.role = LinkRole::receiver;
      w.type = decode_hello (body)->type;
      w.media_types = all_types;
      p.socket.send (message (Kind::welcome, encode (w)));
    } else if (kind == Kind::file_begin && begins_) {
      const FileAck a{decode_file_begin (body)->id, FileStatus::going_on, 0};
      p.socket.send (message (Kind::file_ack, encode (a)));
    }
  }

  const bool begins_;
  RawSocket listener_;
  std::vector<Peer> peers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

struct Waiting {
  Waiting (bool begins, int timeout) : receiver (begins), pipeline (gst_pipeline_new (nullptr))
  {
    sender = gst_element_factory_make ("camsender", nullptr);
    gst_bin_add (GST_BIN (pipeline), sender);
    gst_util_set_object_arg (G_OBJECT (sender), "protocol", "tcp");
    g_object_set (sender, "port", static_cast<int> (receiver.port ()), "command-timeout", timeout,
        "file-timeout", timeout, nullptr);
    fail_unless (reach_state (pipeline, GST_STATE_PLAYING));
  }
  ~Waiting ()
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
  }
  guint64 send_command ()
  {
    guint64 id = 0;
    GstStructure *s = gst_structure_new_empty ("go");
    g_signal_emit_by_name (sender, "send-command", s, nullptr, nullptr, 0u, &id);
    gst_structure_free (s);
    return id;
  }
  guint64 send_file ()
  {
    guint64 id = 0;
    g_signal_emit_by_name (
        sender, "send-file", "/proc/self/exe", guint64{0}, nullptr, nullptr, 0u, &id);
    return id;
  }
  guint64 stat (const char *name)
  {
    GstStructure *s = nullptr;
    g_object_get (sender, "stats", &s, nullptr);
    const guint64 n = field64 (s, name);
    gst_structure_free (s);
    return n;
  }
  MuteReceiver receiver;
  GstElement *pipeline, *sender;
};
} // namespace

GST_START_TEST (test_commands_end)
{
  Waiting w (false, 1);
  Heard failed (w.sender, "command-failed"), broken (w.sender, "disconnected");
  const guint64 one = w.send_command (), two = w.send_command ();
  fail_unless (one != 0 && two != 0);
  fail_unless (failed.wait_for (2));
  fail_unless_equals_uint64 (field64 (failed.all ()[0], "id"), one);
  fail_unless_equals_uint64 (field64 (failed.all ()[1], "id"), two);
  fail_unless (strlen (gst_structure_get_string (failed.all ()[0], "reason")) > 10);
  fail_unless_equals_uint64 (w.stat ("commands-timed-out"), 2);
  fail_unless (w.send_command () != 0);
  fail_unless (failed.wait_for (3));
  fail_unless_equals_int (broken.count (), 0);
}
GST_END_TEST

GST_START_TEST (test_files_end)
{
  Waiting w (__i__ == 1, 1);
  Heard failed (w.sender, "file-failed"), broken (w.sender, "disconnected");
  const guint64 one = w.send_file (), two = w.send_file ();
  fail_unless (one != 0 && two != 0);
  const auto error_for = [&] (guint64 id) {
    return wait_message (w.pipeline, GST_MESSAGE_PROGRESS, [id] (GstMessage *m) {
      GstProgressType type;
      gchar *code = nullptr;
      gst_message_parse_progress (m, &type, &code, nullptr);
      const bool ours = type == GST_PROGRESS_TYPE_ERROR && std::to_string (id) == code;
      g_free (code);
      return ours;
    });
  };
  fail_unless (error_for (one) != nullptr);
  fail_unless (error_for (two) != nullptr);
  fail_unless (failed.wait_for (2));
  fail_unless_equals_uint64 (w.stat ("files-timed-out"), 2);
  fail_unless_equals_int (broken.count (), 0);
}
GST_END_TEST

GST_START_TEST (test_waiting_for_ever)
{
  Waiting w (true, -1);
  Heard connected (w.sender, "connected");
  Heard command_failed (w.sender, "command-failed"), file_failed (w.sender, "file-failed");
  fail_unless (w.send_command () != 0 && w.send_file () != 0);
  fail_unless (connected.wait_for (2));
  fail_if (command_failed.wait_for (1, milliseconds (1500)));
  fail_if (file_failed.wait_for (1, milliseconds (100)));
  fail_unless_equals_uint64 (w.stat ("commands-timed-out") + w.stat ("files-timed-out"), 0);
}
GST_END_TEST

static Suite *unacknowledged_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("unacknowledged");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_commands_end);
  tcase_add_loop_test (tc, test_files_end, 0, 2);
  tcase_add_test (tc, test_waiting_for_ever);
  return s;
}

GST_CHECK_MAIN (unacknowledged)
