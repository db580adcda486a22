// SPDX-License-Identifier: LGPL-2.1-or-later
// camsender's actions send-command and send-file, and what becomes of them as signals and messages.
#pragma once
#include "cam/net/sender_engine.h"
#include "common/serial_queue.h"
#include <gst/gst.h>

namespace reach::cam {
class SenderDeliveries {
public:
  explicit SenderDeliveries (GstElement *e) : element_ (e) {}

  // The actions; any thread. 0: not taken, and the log says why.
  std::uint64_t send_command (SenderEngine *engine, const GstStructure *command, const char *to,
      const char *group, unsigned index);
  std::uint64_t send_file (SenderEngine *engine, const char *path, std::uint64_t offset,
      const char *to, const char *group, unsigned index);

  // Event thread.
  void command_done (const ReceiverName &r, std::uint64_t id, const std::string &failure);
  void file_report (const FileReport &r);

private:
  // Empty: it cannot be sent; the log says why.
  std::optional<Envelope> envelope_of (const char *to, const char *group, unsigned index);
  void post_progress (GstProgressType type, const FileReport &r);
  GstStructure *event (const char *name, const ReceiverName &r, std::uint64_t id);
  void tell (const char *signal, GstStructure *s);

  GstElement *element_;
  std::atomic<std::uint64_t> next_id_{1};
};

using SendCommand = guint64 (*) (
    GstElement *, const GstStructure *, const gchar *to, const gchar *group, guint index);
using SendFile = guint64 (*) (GstElement *, const gchar *path, guint64 offset, const gchar *to,
    const gchar *group, guint index);
void install_delivery_signals (GType sender, SendCommand send_command, SendFile send_file);
} // namespace reach::cam
